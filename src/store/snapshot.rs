//! A state as bytes, so that it need not be folded from the first entry again.
//!
//! The format may change with any version of this program: bytes that it does not know are passed
//! over, and the state is folded anew. Booked bills come last, since most questions need none.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::ledger::account::{Account, Accounts, Membership};
use crate::ledger::bill::Status;
use crate::ledger::credit::Credit;
use crate::ledger::dated::Dated;
use crate::ledger::entry::{Basis, LedgerId, Word};
use crate::ledger::names::{AccountId, BillId, CreditId, Currency};
use crate::ledger::services::ServiceAlias;
use crate::ledger::state::{BillState, CreditRecord, Moved, Movement, OfferState, State};
use crate::ledger::statement::Totals;
use crate::money::Money;
use crate::period::Month;

use super::checks::ChecksShape;
use super::shape::{
    EarnShape, Malformed, MeritShape, OfferShape, SharingShape, TermsShape, account, amount,
    bill_id, currency, service,
};

/// Changes whenever the shapes below do.
const FORMAT: u8 = 9;

#[derive(Serialize, Deserialize)]
struct StateShape<'a> {
    head: u64,
    ledger: Option<[u8; 16]>,
    recorded: Option<i64>,
    issued: Vec<(String, String)>,
    #[serde(borrow)]
    credits: Vec<CreditShape<'a>>,
    accounts: Vec<(String, AccountShape)>,
    default_account: Option<String>,
    offers: Vec<OfferStateShape>,
    payers: Vec<String>,
    open: Vec<BillShape>,
    booked: u64,
    closed_until: Option<i32>,
    /// Name, entry and part of the credit.
    matches: Vec<(String, u64, u32)>,
    service_aliases: Vec<AliasShape>,
    checks: ChecksShape,
}

#[derive(Serialize, Deserialize)]
struct CreditShape<'a> {
    entry: u64,
    part: u32,
    account: String,
    #[serde(borrow)]
    terms: TermsShape<'a>,
    code: Option<String>,
    moved: Vec<MovedShape>,
    void_reason: Option<String>,
    paused: Vec<(i32, bool)>,
    owners: Vec<(i32, String)>,
    sharings: Vec<(i32, SharingShape)>,
    since: i32,
    made_for: Option<String>,
    earned_by: Option<MeritShape>,
    /// Entry and part of the whole.
    split_from: Option<(u64, u32)>,
    /// Enabled, owner, sharing.
    word: (Option<bool>, Option<String>, Option<SharingShape>),
}

/// Entry, effective day, why, amount.
#[derive(Serialize, Deserialize)]
struct MovedShape(u64, i32, MovementShape, i128);

#[derive(Serialize, Deserialize)]
enum MovementShape {
    Applied,
    Returned,
    Voided,
    Split,
    Reduced,
}

/// Entry, effective day, alias, service.
#[derive(Serialize, Deserialize)]
struct AliasShape(u64, i32, String, String);

#[derive(Serialize, Deserialize)]
struct AccountShape {
    name: Option<String>,
    country: Option<String>,
    attributes: Vec<String>,
    memberships: Vec<(String, i32, Option<i32>)>,
    sharing: Vec<(i32, bool)>,
}

#[derive(Serialize, Deserialize)]
struct OfferStateShape {
    offer: OfferShape,
    earn: Option<EarnShape>,
    source: Option<String>,
    entry: u64,
    effective: i32,
    codes: Vec<(i32, u64)>,
    revoked: Vec<(i32, u64)>,
    redeemed: Vec<(String, u64)>,
    redemptions: Vec<(i32, u64)>,
}

#[derive(Serialize, Deserialize)]
struct BillShape {
    /// Its place among the payers, each of which is named once.
    payer: u32,
    month: i32,
    currency: [u8; 3],
    booked: bool,
    as_billed: bool,
    entry: u64,
    effective: i32,
    reference: Option<String>,
    /// Charges, the provider's credits, credits; the card pays the rest.
    totals: [i128; 3],
}

fn number(date: NaiveDate) -> i32 {
    date.num_days_from_ce()
}

fn date(number: i32) -> Result<NaiveDate, Malformed> {
    NaiveDate::from_num_days_from_ce_opt(number)
        .ok_or_else(|| Malformed("a day is out of range".to_owned()))
}

/// How much of a state is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// All of it.
    Everything,
    /// All but booked bills: enough to say what is left of credits.
    WithoutBooked,
}

/// The bytes of a state.
pub(super) fn encode(state: &State) -> Option<Vec<u8>> {
    let payers: BTreeSet<&AccountId> = state.bills.keys().map(|id| &id.payer).collect();
    let payers: Vec<&AccountId> = payers.into_iter().collect();
    let shapes = |status| {
        let bills = state
            .bills
            .iter()
            .filter(move |(_, bill)| bill.status == status);
        bills.map(|(id, bill)| bill_shape(id, bill, &payers))
    };
    let shape = StateShape {
        head: state.head,
        ledger: state.ledger.map(|LedgerId(id)| id),
        recorded: state.recorded.map(|at| at.timestamp_micros()),
        issued: state
            .issued
            .iter()
            .map(|(currency, total)| (currency.to_string(), total.text(0)))
            .collect(),
        credits: state.credits.values().map(credit_shape).collect(),
        accounts: state
            .accounts
            .by_id
            .iter()
            .map(|(id, account)| (id.to_string(), account_shape(account)))
            .collect(),
        default_account: state.default_account.as_ref().map(ToString::to_string),
        offers: state.offers.values().map(offer_shape).collect(),
        payers: payers.iter().map(ToString::to_string).collect(),
        open: shapes(Status::Estimated).collect(),
        booked: shapes(Status::Final).count() as u64,
        closed_until: state.closed_until.map(|month| number(month.first_day())),
        matches: state
            .matches
            .iter()
            .map(|(name, credit)| (name.clone(), credit.entry, credit.part))
            .collect(),
        service_aliases: state.service_aliases.iter().map(alias_shape).collect(),
        checks: ChecksShape::of(&state.checks),
    };
    let mut bytes = postcard::to_extend(&shape, vec![FORMAT]).ok()?;
    for bill in shapes(Status::Final) {
        bytes = postcard::to_extend(&bill, bytes).ok()?;
    }
    Some(bytes)
}

fn credit_shape(record: &CreditRecord) -> CreditShape<'_> {
    let moved = |moved: &Moved| {
        let movement = match moved.movement {
            Movement::Applied => MovementShape::Applied,
            Movement::Returned => MovementShape::Returned,
            Movement::Voided => MovementShape::Voided,
            Movement::Split => MovementShape::Split,
            Movement::Reduced => MovementShape::Reduced,
        };
        MovedShape(
            moved.entry,
            number(moved.effective),
            movement,
            moved.amount.units(),
        )
    };
    CreditShape {
        entry: record.credit.id.entry,
        part: record.credit.id.part,
        account: record.credit.account.to_string(),
        terms: TermsShape::of(&record.credit.terms),
        code: record.code.clone(),
        moved: record.moved.iter().map(moved).collect(),
        void_reason: record.void_reason.clone(),
        paused: dated_shape(&record.paused, |paused| *paused),
        owners: dated_shape(&record.owners, ToString::to_string),
        sharings: dated_shape(&record.sharings, SharingShape::of),
        since: number(record.since),
        made_for: record.made_for.as_ref().map(ToString::to_string),
        earned_by: record.earned_by.as_ref().map(MeritShape::of),
        split_from: record.split_from.map(|whole| (whole.entry, whole.part)),
        word: (
            record.word.enabled,
            record.word.owner.as_ref().map(ToString::to_string),
            record.word.sharing.as_ref().map(SharingShape::of),
        ),
    }
}

fn dated_shape<T, S>(dated: &Dated<T>, shape: impl Fn(&T) -> S) -> Vec<(i32, S)> {
    let values = dated.iter();
    values
        .map(|(from, value)| (number(*from), shape(value)))
        .collect()
}

fn read_dated<S, T>(
    shapes: Vec<(i32, S)>,
    read: impl Fn(S) -> Result<T, Malformed>,
) -> Result<Dated<T>, Malformed> {
    let values = shapes.into_iter();
    values
        .map(|(from, shape)| Ok((date(from)?, read(shape)?)))
        .collect()
}

fn alias_shape(one: &ServiceAlias) -> AliasShape {
    let effective = number(one.effective);
    AliasShape(
        one.entry,
        effective,
        one.alias.to_string(),
        one.service.to_string(),
    )
}

fn read_alias(shape: AliasShape) -> Result<ServiceAlias, Malformed> {
    let AliasShape(entry, effective, alias, meant) = shape;
    Ok(ServiceAlias {
        alias: service(&alias)?,
        service: service(&meant)?,
        entry,
        effective: date(effective)?,
    })
}

fn account_shape(account: &Account) -> AccountShape {
    let membership = |m: &Membership| (m.payer.to_string(), number(m.joined), m.left.map(number));
    AccountShape {
        name: account.name.clone(),
        country: account.country.clone(),
        attributes: account.attributes.iter().cloned().collect(),
        memberships: account.memberships.iter().map(membership).collect(),
        sharing: dated_shape(&account.sharing, |on| *on),
    }
}

fn by_day(counts: &BTreeMap<NaiveDate, u64>) -> Vec<(i32, u64)> {
    let counts = counts.iter();
    counts.map(|(day, count)| (number(*day), *count)).collect()
}

fn read_by_day(counts: Vec<(i32, u64)>) -> Result<BTreeMap<NaiveDate, u64>, Malformed> {
    let counts = counts.into_iter();
    counts.map(|(day, count)| Ok((date(day)?, count))).collect()
}

fn offer_shape(state: &OfferState) -> OfferStateShape {
    OfferStateShape {
        offer: OfferShape::of(&state.offer),
        earn: EarnShape::of(&state.offer.makes),
        source: state.offer.source.clone(),
        entry: state.entry,
        effective: number(state.effective),
        codes: by_day(&state.codes),
        revoked: by_day(&state.revoked),
        redeemed: state
            .redeemed
            .iter()
            .map(|(account, count)| (account.to_string(), *count))
            .collect(),
        redemptions: by_day(&state.redemptions),
    }
}

fn bill_shape(id: &BillId, bill: &BillState, payers: &[&AccountId]) -> BillShape {
    let totals = &bill.totals;
    BillShape {
        payer: payers.binary_search(&&id.payer).unwrap_or_default() as u32,
        month: number(id.month.first_day()),
        currency: id.currency.code(),
        booked: bill.status == Status::Final,
        as_billed: bill.basis == Basis::AsBilled,
        entry: bill.entry,
        effective: number(bill.effective),
        reference: bill.reference.as_deref().map(str::to_owned),
        totals: [totals.charges, totals.provider_credits, totals.credits].map(Money::units),
    }
}

/// The state that bytes hold; nothing where this version does not know them.
pub(super) fn decode(bytes: &[u8], part: Part) -> Option<State> {
    let (format, bytes) = bytes.split_first()?;
    if *format != FORMAT {
        return None;
    }
    let (shape, rest) = postcard::take_from_bytes(bytes).ok()?;
    read(shape, rest, part).ok()
}

fn read(shape: StateShape<'_>, mut rest: &[u8], part: Part) -> Result<State, Malformed> {
    let mut state = State {
        head: shape.head,
        ledger: shape.ledger.map(LedgerId),
        recorded: shape
            .recorded
            .and_then(DateTime::<Utc>::from_timestamp_micros),
        default_account: shape.default_account.as_deref().map(account).transpose()?,
        closed_until: match shape.closed_until {
            Some(day) => Some(Month::of(date(day)?)),
            None => None,
        },
        checks: shape.checks.read()?,
        ..State::default()
    };
    for (name, entry, part) in shape.matches {
        state.matches.insert(name, CreditId { entry, part });
    }
    for (code, total) in shape.issued {
        state.issued.insert(currency(&code)?, amount(&total)?);
    }
    state.credits = shape
        .credits
        .into_iter()
        .map(read_credit)
        .collect::<Result<_, _>>()?;
    let ids: Vec<CreditId> = state.credits.keys().copied().collect();
    ids.into_iter().for_each(|id| state.note_reward(id));
    state.service_aliases = shape
        .service_aliases
        .into_iter()
        .map(read_alias)
        .collect::<Result<_, _>>()?;
    let mut accounts = Accounts::default();
    for (id, shape) in shape.accounts {
        accounts.by_id.insert(account(&id)?, read_account(shape)?);
    }
    state.accounts = accounts;
    for shape in shape.offers {
        let mut redeemed = BTreeMap::new();
        for (id, count) in shape.redeemed {
            redeemed.insert(account(&id)?, count);
        }
        let offer = shape.offer.read(shape.earn, shape.source)?;
        let (codes, redemptions) = (read_by_day(shape.codes)?, read_by_day(shape.redemptions)?);
        let revoked = read_by_day(shape.revoked)?;
        let (entry, effective) = (shape.entry, date(shape.effective)?);
        state.offers.insert(
            offer.id.clone(),
            OfferState {
                offer,
                entry,
                effective,
                codes,
                revoked,
                redeemed,
                redemptions,
            },
        );
    }
    let payers: Vec<AccountId> = shape
        .payers
        .iter()
        .map(|id| account(id))
        .collect::<Result<_, _>>()?;
    let mut currencies = LastCurrency::default();
    let mut bills = Vec::new();
    for bill in shape.open {
        bills.push(read_bill(bill, &payers, &mut currencies)?);
    }
    if part == Part::Everything {
        bills.reserve(
            usize::try_from(shape.booked)
                .unwrap_or_default()
                .min(rest.len()),
        );
        for _ in 0..shape.booked {
            let (bill, after) =
                postcard::take_from_bytes(rest).map_err(|error| Malformed(error.to_string()))?;
            rest = after;
            bills.push(read_bill(bill, &payers, &mut currencies)?);
        }
    }
    state.bills = bills.into_iter().collect();
    Ok(state)
}

fn read_credit(shape: CreditShape<'_>) -> Result<(CreditId, CreditRecord), Malformed> {
    let id = CreditId {
        entry: shape.entry,
        part: shape.part,
    };
    let credit = Credit {
        id,
        account: account(&shape.account)?,
        terms: shape.terms.read()?,
    };
    let mut record = CreditRecord::new(credit, shape.code, date(shape.since)?);
    record.made_for = shape.made_for.as_deref().map(bill_id).transpose()?;
    record.earned_by = shape.earned_by.map(MeritShape::read).transpose()?;
    record.split_from = shape
        .split_from
        .map(|(entry, part)| CreditId { entry, part });
    let (enabled, owner, sharing) = shape.word;
    record.word = Word {
        enabled,
        owner: owner.as_deref().map(account).transpose()?,
        sharing: sharing.map(|shape| shape.read()).transpose()?,
    };
    record.void_reason = shape.void_reason;
    record.paused = read_dated(shape.paused, Ok)?;
    record.owners = read_dated(shape.owners, |id| account(&id))?;
    record.sharings = read_dated(shape.sharings, |shape| shape.read())?;
    record.moved.reserve_exact(shape.moved.len());
    for MovedShape(entry, day, movement, units) in shape.moved {
        let moved = Moved {
            entry,
            effective: date(day)?,
            movement: match movement {
                MovementShape::Applied => Movement::Applied,
                MovementShape::Returned => Movement::Returned,
                MovementShape::Voided => Movement::Voided,
                MovementShape::Split => Movement::Split,
                MovementShape::Reduced => Movement::Reduced,
            },
            amount: Money::from_units(units),
        };
        record.left -= moved.taken();
        record.moved.push(moved);
    }
    Ok((id, record))
}

fn read_account(shape: AccountShape) -> Result<Account, Malformed> {
    let membership = |(payer, joined, left): (String, i32, Option<i32>)| {
        let (joined, left) = (date(joined)?, left.map(date).transpose()?);
        Ok(Membership {
            payer: account(&payer)?,
            joined,
            left,
        })
    };
    Ok(Account {
        name: shape.name,
        country: shape.country,
        attributes: shape.attributes.into_iter().collect(),
        memberships: shape
            .memberships
            .into_iter()
            .map(membership)
            .collect::<Result<_, Malformed>>()?,
        sharing: read_dated(shape.sharing, Ok)?,
    })
}

/// The currency read last, since nearly all bills of a ledger are in one.
#[derive(Default)]
struct LastCurrency(Option<([u8; 3], Currency)>);

impl LastCurrency {
    fn read(&mut self, code: [u8; 3]) -> Result<Currency, Malformed> {
        match self.0 {
            Some((last, currency)) if last == code => Ok(currency),
            _ => {
                let read = currency(&String::from_utf8_lossy(&code))?;
                self.0 = Some((code, read));
                Ok(read)
            }
        }
    }
}

fn read_bill(
    shape: BillShape,
    payers: &[AccountId],
    currencies: &mut LastCurrency,
) -> Result<(BillId, BillState), Malformed> {
    let unnamed = || Malformed("a payer is not named".to_owned());
    let id = BillId {
        month: Month::of(date(shape.month)?),
        payer: payers
            .get(shape.payer as usize)
            .ok_or_else(unnamed)?
            .clone(),
        currency: currencies.read(shape.currency)?,
    };
    let [charges, provider_credits, credits] = shape.totals.map(Money::from_units);
    let totals = Totals {
        charges,
        provider_credits,
        credits,
        card: charges - credits,
    };
    let state = BillState {
        status: if shape.booked {
            Status::Final
        } else {
            Status::Estimated
        },
        entry: shape.entry,
        effective: date(shape.effective)?,
        reference: shape.reference.map(String::into_boxed_str),
        basis: if shape.as_billed {
            Basis::AsBilled
        } else {
            Basis::Rules
        },
        totals,
    };
    Ok((id, state))
}
