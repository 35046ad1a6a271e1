//! Random acts.
//!
//! An act says what is wanted in a way that makes sense wherever it stands (the third credit, the month after
//! the last bill), so that a sequence of acts stays one when others are left out of it. What it comes to is worked
//! out in `wishes`.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::offers::OFFERS;
use super::request::Change;
use crate::model;
use crate::model::{Charge, Share};
use crate::random::{
    ACCOUNTS, ONE, PAYERS, name_of, share, some_charges, some_credit, some_credits, some_day,
};

/// The day on which every sequence begins.
pub(crate) const FIRST_DAY: &str = "2024-01-20";

/// Something to do.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    Wait(u32),
    /// The clock is set back by so many days, as for back-fills.
    Back(u32),
    Do {
        wish: Wish,
        dry_run: bool,
    },
    /// The last command once more, to the letter.
    Again,
}

/// What a command is to do; its days are said of the month in which it is given.
#[derive(Clone, Debug)]
pub(crate) enum Wish {
    Grant {
        credit: Box<model::Credit>,
        /// How many times what it says it is worth.
        times: i128,
        /// For everything, since long ago and for ever, whatever it says.
        broad: bool,
        /// In eighths of the amount.
        used: i128,
        named: bool,
    },
    Offer {
        at: usize,
        other: bool,
    },
    Codes {
        offer: usize,
        codes: Vec<usize>,
    },
    /// So many codes of the first offer, which nobody redeems.
    ManyCodes(usize),
    Redeem {
        code: usize,
        account: Option<String>,
        worth: Value,
    },
    Void {
        at: usize,
        on: Option<String>,
    },
    /// Paused, or resumed.
    Switch {
        at: usize,
        paused: bool,
        on: Option<String>,
    },
    Share {
        at: usize,
        with: Share,
        on: Option<String>,
    },
    Transfer {
        at: usize,
        to: String,
        /// To one of the same payer, if there is one.
        near: bool,
        on: Option<String>,
    },
    Split {
        at: usize,
        count: i128,
        how: How,
        on: Option<String>,
    },
    Join {
        account: String,
        payer: String,
        day: String,
    },
    Leave {
        account: String,
        day: String,
    },
    Set(Change),
    Apply {
        bills: Vec<BillWish>,
        amend: bool,
    },
    Reverse(usize),
    Replay(u32),
    Close(u32),
    Reopen(u32),
}

/// What the parts of a credit are worth.
#[derive(Clone, Debug)]
pub(crate) enum How {
    /// As much as each other.
    Even,
    /// All but the last one as little as can be.
    Least,
    /// The last one so much more than is available.
    Off(i128),
    /// The first one a bit less than can be.
    Small,
}

/// What a code is said to be worth.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    OnRecord,
    Offer(usize),
    Terms(Box<model::Credit>),
}

/// A bill to be handed in.
#[derive(Clone, Debug)]
pub(crate) struct BillWish {
    pub(crate) which: WhichBill,
    pub(crate) is_final: bool,
    pub(crate) like: Like,
    pub(crate) charges: Vec<Charge>,
}

#[derive(Clone, Debug)]
pub(crate) enum WhichBill {
    /// Of the month after the last one booked.
    Next(String, String),
    /// Of the month before this one, though months before it have no bill.
    Last(String, String),
    /// Of so many months ago.
    Back(String, String, u32),
    /// One of those on record.
    Known(usize),
    /// The bill before it in the same input.
    Twin,
}

/// How the charges are like those of the bill on record, or of the twin.
#[derive(Clone, Debug)]
pub(crate) enum Like {
    Not,
    Equal,
    /// In another order, without ids and descriptions.
    Shuffled,
    /// One of them is left out.
    Less(usize),
    /// One of them is another amount.
    Other(usize, i128),
    /// None at all.
    Empty,
}

/// A number for what is not on record.
pub(crate) const NOBODY: usize = 63;
/// How many codes there are.
pub(crate) const CODES: usize = 8;

/// Sequences of fewer than so many steps, after some acts to begin with: a month passes in five of thirteen; a ledger has a few credits, and often offers,
/// when its first bill comes.
pub(crate) fn some_acts(longest: usize) -> impl Strategy<Value = Vec<Act>> {
    let granted = some_credits().prop_map(|credits| {
        let grant = |(at, credit)| Wish::Grant {
            credit: Box::new(credit),
            times: [60, 1, 30][at % 3],
            broad: at % 3 == 0,
            used: 0,
            named: at != 1,
        };
        credits.into_iter().enumerate().map(grant).collect()
    });
    let offered = (0..OFFERS + 1).prop_map(|count| {
        let codes = Wish::Codes {
            offer: OFFERS,
            codes: vec![0, 1, 3, 4],
        };
        let offers = (0..count).map(|at| Wish::Offer { at, other: false });
        offers.chain([codes]).collect::<Vec<Wish>>()
    });
    let joined = vec(some_join(), 0..3);
    let reseller = prop::bool::weighted(0.3).prop_map(|resells| match resells {
        true => vec![
            joins_long_ago("alice", "zoe"),
            joins_long_ago("zoe", "payer"),
        ],
        false => vec![],
    });
    let first =
        (granted, offered, joined, reseller).prop_map(|(granted, offered, joined, reseller)| {
            let wishes = [granted, offered, joined, reseller].concat().into_iter();
            wishes
                .map(|wish| Act::Do {
                    wish,
                    dry_run: false,
                })
                .collect::<Vec<Act>>()
        });
    (first, vec(some_acts_in_a_row(), 1..longest))
        .prop_map(|(first, acts)| [first, acts.concat()].concat())
}

fn joins_long_ago(account: &str, payer: &str) -> Wish {
    Wish::Join {
        account: account.to_owned(),
        payer: payer.to_owned(),
        day: "years before".to_owned(),
    }
}

/// An act that records so many entries and one more.
pub(crate) fn many_entries(count: usize) -> Vec<Act> {
    let offer = Wish::Offer {
        at: 0,
        other: false,
    };
    let acts = [offer, Wish::ManyCodes(count)].map(|wish| Act::Do {
        wish,
        dry_run: false,
    });
    acts.to_vec()
}

/// A month passes and its bills come, or anything else happens.
fn some_acts_in_a_row() -> impl Strategy<Value = Vec<Act>> {
    let month = (25..35_u32, bills_in_order()).prop_map(|(days, wish)| {
        let dry_run = false;
        vec![Act::Wait(days), Act::Do { wish, dry_run }]
    });
    prop_oneof![5 => month, 8 => some_act().prop_map(|act| vec![act])]
}

fn some_act() -> impl Strategy<Value = Act> {
    prop_oneof![
        5 => (1..50_u32).prop_map(Act::Wait),
        40 => (some_wish(), prop::bool::weighted(0.05)).prop_map(|(wish, dry_run)| Act::Do { wish, dry_run }),
        1 => (1..60_u32).prop_map(Act::Back),
        2 => Just(Act::Again),
    ]
}

fn some_wish() -> impl Strategy<Value = Wish> {
    prop_oneof![
        7 => some_grant(),
        3 => (0..OFFERS, prop::bool::weighted(0.1)).prop_map(|(at, other)| Wish::Offer { at, other }),
        3 => (0..8_usize, vec(0..CODES, 1..5)).prop_map(|(offer, codes)| Wish::Codes { offer, codes }),
        15 => (0..CODES, option::weighted(0.9, name_of(&ACCOUNTS)), some_value())
            .prop_map(|(code, account, worth)| Wish::Redeem { code, account, worth }),
        6 => (0..NOBODY + 1, option::weighted(0.3, some_day())).prop_map(|(at, on)| Wish::Void { at, on }),
        4 => (0..NOBODY + 1, prop::bool::weighted(0.6), some_day_done())
            .prop_map(|(at, paused, on)| Wish::Switch { at, paused, on }),
        3 => (0..NOBODY + 1, share(), some_day_done())
            .prop_map(|(at, with, on)| Wish::Share { at, with, on }),
        7 => (0..NOBODY + 1, name_of(&ACCOUNTS), prop::bool::weighted(0.8), some_day_done())
            .prop_map(|(at, to, near, on)| Wish::Transfer { at, to, near, on }),
        10 => some_split(),
        4 => some_join(),
        1 => (name_of(&ACCOUNTS), some_day()).prop_map(|(account, day)| Wish::Leave { account, day }),
        2 => some_change().prop_map(Wish::Set),
        6 => bills_in_order(),
        10 => bills_that_correct(),
        4 => bills_of_any_kind(),
        3 => prop_oneof![9 => 0..12_usize, 1 => Just(NOBODY)].prop_map(Wish::Reverse),
        2 => (0..8_u32).prop_map(Wish::Replay),
        1 => (3..9_u32).prop_map(Wish::Close),
        2 => (0..4_u32).prop_map(Wish::Reopen),
    ]
}

fn some_join() -> impl Strategy<Value = Wish> {
    (name_of(&ACCOUNTS), name_of(&PAYERS), some_day()).prop_map(|(account, payer, day)| {
        Wish::Join {
            account,
            payer,
            day,
        }
    })
}

/// Mostly today.
fn some_day_done() -> impl Strategy<Value = Option<String>> {
    option::weighted(0.3, some_day())
}

fn some_split() -> impl Strategy<Value = Wish> {
    let count = prop_oneof![
        20 => 2..6_i128,
        2 => select(&[0, 1, 100][..]),
        8 => select(&[50, 97, 98, 99][..]),
    ];
    let how = prop_oneof![
        8 => Just(How::Even),
        4 => Just(How::Least),
        2 => select(&[-1, 1, ONE, -50 * ONE][..]).prop_map(How::Off),
        1 => Just(How::Small),
    ];
    let past = select(&["month before", "before", "first", "years before"][..]);
    let on = option::weighted(0.5, past.prop_map(str::to_owned));
    (0..NOBODY + 1, count, how, on).prop_map(|(at, count, how, on)| Wish::Split {
        at,
        count,
        how,
        on,
    })
}

/// The next bills of some payers.
fn bills_in_order() -> impl Strategy<Value = Wish> {
    let next = some_payer().prop_map(|(payer, currency)| WhichBill::Next(payer, currency));
    let last = some_payer().prop_map(|(payer, currency)| WhichBill::Last(payer, currency));
    let which = prop_oneof![3 => next, 1 => last];
    let bill = some_bill(which, Just(Like::Not), 0.8);
    (vec(bill, 1..6), prop::bool::weighted(0.2))
        .prop_map(|(bills, amend)| Wish::Apply { bills, amend })
}

/// Bills that are booked already, with other charges, and bills that come late.
fn bills_that_correct() -> impl Strategy<Value = Wish> {
    let which = prop_oneof![
        6 => (0..12_usize).prop_map(WhichBill::Known),
        3 => (some_payer(), 0..8_u32)
            .prop_map(|((payer, currency), back)| WhichBill::Back(payer, currency, back)),
        2 => some_payer().prop_map(|(payer, currency)| WhichBill::Next(payer, currency)),
    ];
    let bill = some_bill(which, some_likeness(), 0.97);
    (vec(bill, 1..4), prop::bool::weighted(0.9))
        .prop_map(|(bills, amend)| Wish::Apply { bills, amend })
}

fn bills_of_any_kind() -> impl Strategy<Value = Wish> {
    let which = prop_oneof![
        2 => some_payer().prop_map(|(payer, currency)| WhichBill::Next(payer, currency)),
        3 => (some_payer(), 0..4_u32)
            .prop_map(|((payer, currency), back)| WhichBill::Back(payer, currency, back)),
        5 => (0..12_usize).prop_map(WhichBill::Known),
        2 => Just(WhichBill::Twin),
    ];
    let bill = some_bill(which, some_likeness(), 0.6);
    (vec(bill, 1..4), any::<bool>()).prop_map(|(bills, amend)| Wish::Apply { bills, amend })
}

fn some_payer() -> impl Strategy<Value = (String, String)> {
    let payer = prop_oneof![3 => Just("payer"), 2 => Just("zoe"), 1 => Just("alice")];
    let currency = prop_oneof![6 => Just("USD"), 1 => Just("JPY")];
    (
        payer.prop_map(str::to_owned),
        currency.prop_map(str::to_owned),
    )
}

fn some_likeness() -> impl Strategy<Value = Like> {
    prop_oneof![
        4 => Just(Like::Not),
        2 => Just(Like::Equal),
        2 => Just(Like::Shuffled),
        3 => (0..6_usize).prop_map(Like::Less),
        8 => (0..6_usize, select(&[1, 2, 3, 7, 15, 40, -4][..]))
            .prop_map(|(at, amount)| Like::Other(at, amount * ONE)),
        1 => Just(Like::Empty),
    ]
}

/// Charges, often plain ones, so that credits are used up and bills compete for them; seldom one that is more than
/// all credits.
fn some_charges_of_a_ledger() -> impl Strategy<Value = Vec<Charge>> {
    let modest = prop::bool::weighted(0.9);
    (some_charges(6), any::<bool>(), modest).prop_map(|(mut charges, plain, modest)| {
        for charge in charges.iter_mut().filter(|_| modest) {
            charge.amount = charge.amount.clamp(-20 * ONE, 20 * ONE);
        }
        for charge in charges.iter_mut().filter(|_| plain) {
            charge.category = "usage".to_owned();
            charge.service = charge.service.replace("AmazonRegistrar", "AmazonEC2");
            charge.amount = charge.amount.abs();
        }
        charges
    })
}

fn some_bill(
    which: impl Strategy<Value = WhichBill>,
    like: impl Strategy<Value = Like>,
    finals: f64,
) -> impl Strategy<Value = BillWish> {
    (
        which,
        prop::bool::weighted(finals),
        like,
        some_charges_of_a_ledger(),
    )
        .prop_map(|(which, is_final, like, charges)| BillWish {
            which,
            is_final,
            like,
            charges,
        })
}

fn some_grant() -> impl Strategy<Value = Wish> {
    let used = prop_oneof![6 => Just(0), 2 => 1..8_i128, 1 => Just(8), 1 => Just(9)];
    let times = select(&[1, 3, 10, 30, 60, 60][..]);
    let rest = (times, any::<bool>(), used, prop::bool::weighted(0.8));
    (some_credit(), rest).prop_map(|(credit, (times, broad, used, named))| Wish::Grant {
        credit: Box::new(credit),
        times,
        broad,
        used,
        named,
    })
}

fn some_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        3 => Just(Value::OnRecord),
        3 => (0..8_usize).prop_map(Value::Offer),
        2 => some_credit().prop_map(|credit| Value::Terms(Box::new(credit))),
    ]
}

fn some_change() -> impl Strategy<Value = Change> {
    let what = (
        option::of(any::<bool>()),
        option::weighted(0.3, select(&["DE", "FR"][..])),
        option::weighted(0.4, select(&["student", "startup"][..])),
        prop::bool::weighted(0.3),
        option::weighted(0.3, some_day()),
    );
    (name_of(&ACCOUNTS), what).prop_map(|(account, (sharing, country, attribute, default, on))| {
        Change {
            account,
            sharing,
            country: country.map(str::to_owned),
            attribute: attribute.map(str::to_owned),
            default,
            on,
            ..Change::default()
        }
    })
}
