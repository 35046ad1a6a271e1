//! What kind of charge a line item of a cost and usage report is.
//!
//! | line item type | what it is | category |
//! |---|---|---|
//! | `Usage` | usage at the public or a private rate | `usage` |
//! | `DiscountedUsage` | usage that a reserved instance covers; costs nothing where all was paid up front | `usage` |
//! | `SavingsPlanCoveredUsage` | usage that a savings plan covers, at its on-demand price | `usage` |
//! | `SavingsPlanNegation` | takes back the on-demand price of covered usage, so that it reduces the charges of its service as a discount does *(house)* | `discount` |
//! | `SavingsPlanRecurringFee` | the hourly commitment of a savings plan | `recurring_fee` |
//! | `SavingsPlanUpfrontFee` | what a savings plan costs up front | `upfront_fee` |
//! | `RIFee` | the monthly fee of a reserved instance | `recurring_fee` |
//! | `FlatRateSubscription` | the monthly fee of a plan at a flat rate, as of `CloudFront` or Kiro *(house)* | `recurring_fee` |
//! | `Fee` | paid once, up front: a reserved instance, a subscription, a domain | `upfront_fee` |
//! | `Tax` | tax | `tax` |
//! | `Credit` | what the provider's own credits paid | `credit` |
//! | `Refund` | what the provider paid back | `refund` |
//! | `BundledDiscount` | free or cheaper for the use of another service | `discount` |
//! | `EdpDiscount` | of an enterprise discount program | `discount` |
//! | `PrivateRateDiscount` | of a private price agreement | `discount` |
//! | `RiVolumeDiscount` | for the volume of reserved instances | `discount` |
//! | `SppDiscount` | of a solution provider program | `discount` |
//! | `DistributorDiscount` | of a distributor | `discount` |
//! | `Discount`, and whatever else ends in it | any other discount | `discount` |
//! | `Adjustment`, and whatever else ends in it | a correction *(house)* | `adjustment` |
//! | anything else | not known | `other`, and a note |
//!
//! Of the types `Usage`, `Fee` and `FlatRateSubscription` only, the first of these that holds
//! decides instead:
//!
//! | sold through `AWS Marketplace`, and | category |
//! |---|---|
//! | service code, product name, or name or code in the `product` map names `Bedrock` | `third_party_model` |
//! | nothing more | `marketplace` |
//!
//! | service code begins with | category |
//! |---|---|
//! | `AWSSupport`, `AWSDeveloperSupport`, `AWSEnterpriseSupport`, `AWSEnterpriseOnRamp` | `support` |
//!
//! The sign does not decide: negative usage is usage. Enterprise support is told apart by its
//! service code, which is among the [never covered](crate::catalog::NEVER_COVERED) ones; the flat
//! minimum of another plan is not told apart, since no column of a report says it but free text.
//!
//! Sources: the CUR 2.0 line item dictionary and its legacy twin in the AWS Data Exports guide,
//! seen 2026-11 in part, and types seen in reports that it does not name
//! (`FlatRateSubscription`, `SppDiscount`). The guide has no list of Marketplace models of Bedrock;
//! their names were seen to end in `(Amazon Bedrock Edition)`.

use crate::ledger::scope::Category;

/// The billing entity of what other vendors sell.
pub(super) const MARKETPLACE: &str = "AWS Marketplace";

const BEDROCK: &[u8] = b"bedrock";

const SUPPORT: [&str; 4] = [
    "AWSSupport",
    "AWSDeveloperSupport",
    "AWSEnterpriseSupport",
    "AWSEnterpriseOnRamp",
];

/// What decides the category of a line item.
pub(super) struct LineItem<'a> {
    /// The line item type.
    pub(super) kind: &'a str,
    /// The service code.
    pub(super) service: &'a str,
    /// Whether it was sold through the Marketplace.
    pub(super) is_marketplace: bool,
    /// Whether the product map names Bedrock.
    pub(super) names_bedrock: bool,
}

/// The category of a line item; nothing where its type is not known.
pub(super) fn category(item: &LineItem<'_>) -> Option<Category> {
    let by_type = by_type(item.kind)?;
    if !matches!(item.kind, "Usage" | "Fee" | "FlatRateSubscription") {
        return Some(by_type);
    }
    Some(if item.is_marketplace {
        if item.names_bedrock || names_bedrock(item.service) {
            Category::ThirdPartyModel
        } else {
            Category::Marketplace
        }
    } else if is_support(item.service) {
        Category::Support
    } else {
        by_type
    })
}

fn by_type(kind: &str) -> Option<Category> {
    Some(match kind {
        "Usage" | "DiscountedUsage" | "SavingsPlanCoveredUsage" => Category::Usage,
        "RIFee" | "SavingsPlanRecurringFee" | "FlatRateSubscription" => Category::RecurringFee,
        "SavingsPlanUpfrontFee" | "Fee" => Category::UpfrontFee,
        "Tax" => Category::Tax,
        "Credit" => Category::Credit,
        "Refund" => Category::Refund,
        "SavingsPlanNegation" => Category::Discount,
        discount if discount.ends_with("Discount") => Category::Discount,
        adjustment if adjustment.ends_with("Adjustment") => Category::Adjustment,
        _ => return None,
    })
}

/// Whether a service code is that of a support plan.
pub(in crate::formats) fn is_support(service: &str) -> bool {
    SUPPORT.iter().any(|plan| service.starts_with(plan))
}

/// Whether a name or code is one of Bedrock, in whatever case.
pub(super) fn names_bedrock(name: impl AsRef<[u8]>) -> bool {
    let mut windows = name.as_ref().windows(BEDROCK.len());
    windows.any(|window| window.eq_ignore_ascii_case(BEDROCK))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn is(kind: &str, service: &str, sold: &str, expected: &str) {
        let item = LineItem {
            kind,
            service,
            is_marketplace: sold != "by AWS",
            names_bedrock: sold == "on Bedrock",
        };
        let category = category(&item).map_or("not known", Category::as_str);
        assert_eq!(category, expected, "{kind} of {service}, sold {sold}");
    }

    #[test]
    fn the_type_decides() {
        for (kind, expected) in [
            ("Usage", "usage"),
            ("DiscountedUsage", "usage"),
            ("SavingsPlanCoveredUsage", "usage"),
            ("RIFee", "recurring_fee"),
            ("SavingsPlanRecurringFee", "recurring_fee"),
            ("FlatRateSubscription", "recurring_fee"),
            ("SavingsPlanUpfrontFee", "upfront_fee"),
            ("Fee", "upfront_fee"),
            ("Tax", "tax"),
            ("Credit", "credit"),
            ("Refund", "refund"),
            ("SavingsPlanNegation", "discount"),
            ("BundledDiscount", "discount"),
            ("EdpDiscount", "discount"),
            ("PrivateRateDiscount", "discount"),
            ("RiVolumeDiscount", "discount"),
            ("SppDiscount", "discount"),
            ("DistributorDiscount", "discount"),
            ("Discount", "discount"),
            ("Adjustment", "adjustment"),
            ("PriceAdjustment", "adjustment"),
            ("usage", "not known"),
            ("AdhocUsage", "not known"),
        ] {
            is(kind, "AmazonEC2", "by AWS", expected);
        }
    }

    #[test]
    fn usage_and_fees_of_support_plans_are_support() {
        for service in [
            "AWSSupportBusiness",
            "AWSDeveloperSupport",
            "AWSEnterpriseSupport",
            "AWSEnterpriseOnRamp",
        ] {
            is("Usage", service, "by AWS", "support");
            is("Fee", service, "by AWS", "support");
            is("Tax", service, "by AWS", "tax");
            is("EdpDiscount", service, "by AWS", "discount");
        }
        is("Usage", "AmazonSupportAWSSupport", "by AWS", "usage");
    }

    #[test]
    fn usage_and_fees_of_the_marketplace_are_its_own() {
        is("Usage", "8f2kd", "by others", "marketplace");
        is("Fee", "8f2kd", "by others", "marketplace");
        is("Usage", "8f2kd", "on Bedrock", "third_party_model");
        is("Usage", "AmazonBedrock", "by others", "third_party_model");
        is("Usage", "AmazonBedrock", "by AWS", "usage");
        is("Usage", "AWSSupportBusiness", "by others", "marketplace");
        is("FlatRateSubscription", "8f2kd", "by others", "marketplace");
        for (kind, expected) in [
            ("Tax", "tax"),
            ("Credit", "credit"),
            ("Refund", "refund"),
            ("EdpDiscount", "discount"),
        ] {
            is(kind, "8f2kd", "on Bedrock", expected);
        }
    }
}
