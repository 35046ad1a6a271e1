//! Splitting a credit: what is available of it becomes credits of their own, for good.
//!
//! Source: the AWS Billing API reference, `SplitCredit` and `SplitPortion`, read 2026-11. Ours
//! *(house)*: what a part was before it was split off is what the whole was, so that a bill of an
//! earlier month that comes late finds what it would have found; and available is what is left
//! after all that is on record, so that a split of an earlier day overdraws no day since.

use crate::money::{Money, SCALE};

use super::balance::{CreditStatus, figures};
use super::decide::Desk;
use super::entry::{Event, Part};
use super::names::{BillId, CreditId, Currency};
use super::refusal::Refusal;
use super::rules::Rules;
use super::state::{CreditRecord, Movement, State};

/// The least that a part is worth, in the credit's currency.
pub const PART_MIN: Money = Money::from_units(100 * 10_i128.pow(SCALE));
/// The most parts of one split.
pub const PARTS_MAX: usize = 99;
/// The most credits in a family: one that is no part, and every one split from it, at any depth.
pub const FAMILY_MAX: usize = 100;
/// The longest name that a part is given here, in characters.
pub const NAME_MAX: usize = 93;

/// A part that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Portion {
    /// What it is called; where nothing is said, like the whole, with its place behind.
    pub name: Option<String>,
    /// What it is worth.
    pub amount: Money,
}

/// Why a credit cannot be split, or not so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unsplittable {
    /// It is nothing that could be used.
    Status(CreditStatus),
    /// It pays this bill only.
    MadeFor(BillId),
    /// It was split already, in this entry.
    Split(u64),
    /// Open bills reserve all that is left of it.
    Reserved,
    /// Its family has so many credits, and would have so many more.
    Family(usize, usize),
    /// So many parts are fewer than two, or too many.
    Parts(usize),
    /// So little is available that there are no two parts to be made of it.
    Little(Money),
    /// These parts, by their number, are worth too little.
    Small(Vec<(usize, Money)>),
    /// The parts are not worth what is available.
    Sum {
        /// What they are worth together.
        total: Money,
        /// What is available.
        available: Money,
        /// What open bills reserve beside it.
        reserved: Money,
    },
}

impl Unsplittable {
    /// It in words, amounts with the digits of the credit's currency.
    #[must_use]
    pub fn words(&self, currency: Currency) -> String {
        let text = |amount: Money| amount.text(currency.minor_digits());
        match self {
            Unsplittable::Status(status) => format!("it is {}", status.as_str()),
            Unsplittable::MadeFor(bill) => format!("it pays bill {bill} only"),
            Unsplittable::Split(entry) => format!("it was split already, in entry {entry}"),
            Unsplittable::Reserved => "open bills reserve all that is left of it".to_owned(),
            Unsplittable::Family(family, more) => format!(
                "it and what it was split from and into are {family} credits, with {more} more they would be over {FAMILY_MAX}"
            ),
            Unsplittable::Parts(count) => {
                format!("a split makes 2 to {PARTS_MAX} parts, not {count}")
            }
            Unsplittable::Little(available) => format!(
                "{} {currency} is available, less than two parts of {}",
                text(*available),
                text(PART_MIN)
            ),
            Unsplittable::Small(parts) => small(parts, &text),
            Unsplittable::Sum {
                total,
                available,
                reserved,
            } => {
                let (by, how) = match total > available {
                    true => (*total - *available, "more"),
                    false => (*available - *total, "less"),
                };
                let beside = match reserved.is_positive() {
                    true => format!(", {} being reserved by open bills", text(*reserved)),
                    false => String::new(),
                };
                format!(
                    "the parts are {} together, {} {how} than the {} {currency} available{beside}",
                    text(*total),
                    text(by),
                    text(*available)
                )
            }
        }
    }
}

/// The first few parts that are too small.
fn small(parts: &[(usize, Money)], text: &dyn Fn(Money) -> String) -> String {
    let words = parts.iter().take(4);
    let mut words: Vec<String> = words
        .map(|(at, amount)| format!("part {at} is {}", text(*amount)))
        .collect();
    if parts.len() > 4 {
        words.push(format!("{} more are as small", parts.len() - 4));
    }
    format!("{}, a part is {} or more", words.join(", "), text(PART_MIN))
}

/// Splits what is available of a credit into parts, which are credits of their own. `reserved`:
/// what open bills would use of it, which stays with it. Returns the entry.
///
/// # Errors
/// An unknown credit; one that is used up, ended, voided, not started, split already, or pays one
/// bill only; parts that are too many, too few, too small, or not worth just what is available.
pub fn split(
    desk: &mut Desk,
    credit: CreditId,
    portions: &[Portion],
    reserved: Money,
    rules: &Rules,
) -> Result<u64, Refusal> {
    let record = desk.state.credits.get(&credit);
    let record = record.ok_or(Refusal::UnknownCredit(credit))?;
    let currency = record.credit.terms.currency;
    let refused = |whys, fits| Refusal::NotSplittable {
        credit,
        currency,
        whys,
        fits,
    };
    if let Some(why) = barred(desk, record, reserved, rules) {
        return Err(refused(vec![why], Vec::new()));
    }
    let asked: Vec<Money> = portions.iter().map(|portion| portion.amount).collect();
    let family = family(&desk.state, credit);
    let whys = faults(record, &asked, reserved, family);
    if !whys.is_empty() {
        let room = FAMILY_MAX.saturating_sub(family).min(PARTS_MAX);
        let fits = fitting(&asked, record.left - reserved, currency, room);
        return Err(refused(whys, fits));
    }
    let of = portions.len();
    let parts = (1..).zip(portions).map(|(at, portion)| Part {
        name: match &portion.name {
            Some(name) => name.clone(),
            None => part_name(&record.credit.terms.name, at, of),
        },
        amount: portion.amount,
        reference: None,
    });
    let parts = parts.collect();
    let event = Event::CreditSplit { credit, parts };
    Ok(desk.propose(desk.today, event, None)?)
}

/// Why a credit cannot be split, whatever the parts.
fn barred(
    desk: &Desk,
    record: &CreditRecord,
    reserved: Money,
    rules: &Rules,
) -> Option<Unsplittable> {
    if let Some(bill) = &record.made_for {
        return Some(Unsplittable::MadeFor(bill.clone()));
    }
    if let Some(entry) = record.split_in() {
        return Some(Unsplittable::Split(entry));
    }
    use CreditStatus::{Exhausted, Expired, Upcoming, Voided};
    let status = figures(record, desk.today, Money::ZERO, rules).status;
    let status = match (
        record.is_voided() || status == Voided,
        record.left.is_zero(),
        status,
    ) {
        (true, _, _) => Some(Voided),
        (_, true, _) => Some(Exhausted),
        (_, _, Upcoming | Expired) => Some(status),
        _ => None,
    };
    match status {
        Some(status) => Some(Unsplittable::Status(status)),
        None => (record.left <= reserved).then_some(Unsplittable::Reserved),
    }
}

/// What is wrong with the parts.
fn faults(
    record: &CreditRecord,
    asked: &[Money],
    reserved: Money,
    family: usize,
) -> Vec<Unsplittable> {
    let available = record.left - reserved;
    let count = asked.len();
    if available < PART_MIN + PART_MIN {
        return vec![Unsplittable::Little(available)];
    }
    if !(2..=PARTS_MAX).contains(&count) {
        return vec![Unsplittable::Parts(count)];
    }
    if family + count > FAMILY_MAX {
        return vec![Unsplittable::Family(family, count)];
    }
    let small = (1..).zip(asked.iter().copied());
    let small: Vec<_> = small.filter(|(_, amount)| *amount < PART_MIN).collect();
    let total: Money = asked.iter().copied().sum();
    let small = (!small.is_empty()).then_some(Unsplittable::Small(small));
    let sum = (total != available).then_some(Unsplittable::Sum {
        total,
        available,
        reserved,
    });
    small.into_iter().chain(sum).collect()
}

/// How many credits there are in the family of one.
fn family(state: &State, credit: CreditId) -> usize {
    let root = |credit: CreditId| {
        let whole = |id: &CreditId| state.credits.get(id)?.split_from;
        std::iter::successors(Some(credit), whole).last()
    };
    let own = root(credit);
    let members = state.credits.keys().filter(|id| root(**id) == own);
    members.count()
}

/// Amounts like those asked that could be split off, at most `room` of them: all but the last one
/// as asked, else equal ones. None where there are none.
fn fitting(asked: &[Money], available: Money, currency: Currency, room: usize) -> Vec<Money> {
    let most = usize::try_from(available.units() / PART_MIN.units()).unwrap_or(PARTS_MAX);
    let most = most.min(room);
    if most < 2 {
        return Vec::new();
    }
    let count = asked.len().clamp(2, most);
    let first = asked.get(..count - 1).unwrap_or_default();
    let rest = available - first.iter().copied().sum();
    if first.len() + 1 == count && rest >= PART_MIN && first.iter().all(|one| *one >= PART_MIN) {
        return [first, &[rest]].concat();
    }
    let unit = 10_i128.pow(SCALE - currency.minor_digits());
    let others = count as i128 - 1;
    let share = available.units() / (others + 1) / unit * unit;
    let rest = Money::from_units(available.units() - share * others);
    let mut fits = vec![Money::from_units(share); count - 1];
    fits.push(rest);
    fits
}

/// What a part is called that was given no name: like the whole, of whose name only the beginning
/// is kept where it is long, with its place behind.
fn part_name(whole: &str, at: usize, of: usize) -> String {
    let place = format!(" - {at}/{of}");
    let kept: String = whole.chars().take(NAME_MAX - place.len()).collect();
    format!("{}{place}", kept.trim_end())
}

impl CreditRecord {
    /// The entry that split it, if one did.
    #[must_use]
    pub fn split_in(&self) -> Option<u64> {
        let mut moved = self.moved.iter();
        let split = moved.find(|moved| moved.movement == Movement::Split);
        split.map(|moved| moved.entry)
    }
}

impl State {
    /// The credits that a credit was split into, in order.
    pub fn parts(&self, credit: &CreditRecord) -> impl Iterator<Item = &CreditRecord> {
        let splits = credit.moved.iter();
        let splits = splits.filter(|moved| moved.movement == Movement::Split);
        splits.flat_map(|moved| {
            let part = |part| CreditId {
                entry: moved.entry,
                part,
            };
            let parts = self.credits.range(part(1)..=part(u32::MAX));
            parts.map(|(_, record)| record)
        })
    }
}
