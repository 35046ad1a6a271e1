//! The offers of random ledgers: few, so that codes of one meet limits and ends of another.

use super::request::{End, Offer, Reward};
use crate::model::{Credit, Share, Which};
use crate::random::ONE;

/// How many there are.
pub(crate) const OFFERS: usize = 6;

/// One of the offers; in its other version it is worth less.
pub(crate) fn offer(at: usize, other: bool) -> Offer {
    let names = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect());
    let mut offer = Offer {
        id: String::new(),
        credit: plain(),
        end: End::Never,
        redeem_by: None,
        attributes_any: None,
        countries: None,
        redemptions: None,
        per_account: None,
        transferable: at > 1,
        reward: None,
    };
    match at {
        0 => {
            offer.id = "autumn".to_owned();
            offer.end = End::Months(6);
            offer.redeem_by = Some("2024-10-31".to_owned());
            offer.per_account = Some(1);
            offer.redemptions = Some(2);
        }
        1 => {
            offer.id = "students".to_owned();
            offer.credit.kind = "educational".to_owned();
            offer.credit.services = Which::Only(vec!["AmazonEC2".to_owned()]);
            offer.end = End::On("2024-09-30".to_owned());
            offer.attributes_any = names(&["student", "educator"]);
        }
        2 => {
            offer.countries = names(&["DE", "FR"]);
            offer.id = "yen".to_owned();
            offer.credit.kind = "activate".to_owned();
            offer.credit.currency = "JPY".to_owned();
            offer.credit.services = Which::Except(vec!["AmazonS3".to_owned()]);
            offer.end = End::Months(12);
        }
        3 => {
            offer.id = "reward".to_owned();
            offer.credit.kind = "earned".to_owned();
            offer.end = End::Months(5);
            offer.per_account = Some(6);
            offer.reward = Some(Reward {
                at_least: 12 * ONE,
                percent: 20,
                cap: 7 * ONE,
            });
        }
        4 => {
            offer.id = "bonus".to_owned();
            offer.credit.kind = "earned".to_owned();
            offer.credit.services = Which::Only(vec!["AmazonS3".to_owned()]);
            offer.redeem_by = Some("2025-06-30".to_owned());
            offer.end = End::On("2025-03-31".to_owned());
            offer.attributes_any = names(&["startup"]);
            offer.redemptions = Some(4);
            offer.reward = Some(Reward {
                at_least: 5 * ONE,
                percent: 7,
                cap: 1_000 * ONE,
            });
        }
        _ => {
            offer.id = "for-ever".to_owned();
            offer.end = End::Months(12 * 9000);
        }
    }
    if other {
        offer.credit.left = 7 * ONE;
        if let Some(reward) = &mut offer.reward {
            reward.percent = 9;
        }
    }
    offer
}

fn plain() -> Credit {
    Credit {
        id: String::new(),
        order: 0,
        kind: "promotional".to_owned(),
        currency: "USD".to_owned(),
        left: 20 * ONE,
        owner: String::new(),
        start: String::new(),
        end: None,
        services: Which::All,
        regions: Which::All,
        categories: Which::All,
        before_discounts: false,
        start_by_day: false,
        end_by_month: false,
        share: Share::Default,
        paused: false,
        voided: false,
    }
}
