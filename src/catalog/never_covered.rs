//! Services that credits do not pay for unless a credit names them (rule D2).
//!
//! Source: the AWS Activate FAQ and the AWS promotional credit terms, read 2026-11: credits do not
//! apply to fees for AWS Support Enterprise, Amazon Mechanical Turk, Route 53 domain registration,
//! AWS Training and Certification, Professional Services and Managed Services. Marketplace, upfront
//! fees and tax are excluded too; those are categories of charges, not services.

/// Codes of the catalogue.
pub const NEVER_COVERED: [&str; 8] = [
    "AmazonMTurk",
    "AmazonRegistrar",
    "AWSCertification",
    "AWSManagedServices",
    "AWSProfessionalServices",
    "AWSSupportEnterprise",
    "AWSTraining",
    "AWSTrainingAndCertification",
];

/// Other names of the same services, under which bills may be on record that were read before
/// names became canonical at the door: those are decided anew under the same rules.
pub const NEVER_COVERED_BEFORE: [&str; 4] = [
    "AmazonMechanicalTurk",
    "AWSMechanicalTurk",
    "AWSMTurk",
    "AWSTrainingandCertification",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::service;

    #[test]
    fn they_are_codes_of_the_catalogue_and_other_names_of_these() {
        for code in NEVER_COVERED {
            assert_eq!(service(code).map(|known| known.code), Some(code));
        }
        for name in NEVER_COVERED_BEFORE {
            let code = service(name).expect("a service").code;
            assert!(code != name && NEVER_COVERED.contains(&code), "{name}");
        }
    }
}
