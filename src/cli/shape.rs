//! The shapes of answers in JSON: a stable interface. Every key is always present, amounts are
//! text with at least the digits of their currency.

use chrono::NaiveDate;
use credits_ledger::ledger::balance::{Balance, Figures};
use credits_ledger::ledger::correct::CardChange;
use credits_ledger::ledger::credit::{Credit, Sharing};
use credits_ledger::ledger::entry::{Basis, Merit};
use credits_ledger::ledger::names::{BillId, CreditId, Currency, Region};
use credits_ledger::ledger::rules::{EndRule, StartRule};
use credits_ledger::ledger::scope::Scope;
use credits_ledger::ledger::state::{CreditRecord, State};
use credits_ledger::ledger::statement::{Allocation, Line, Statement};
use credits_ledger::money::{Money, grouped};
use credits_ledger::period::date_text;
use serde::{Serialize, Serializer};

/// A date as text.
pub(crate) fn date(date: NaiveDate) -> String {
    date_text(date)
}

/// What a scope names when it is *only these*.
pub(crate) fn only<T: Ord + ToString>(scope: &Scope<T>) -> Option<Vec<String>> {
    scope
        .only()
        .map(|names| names.iter().map(ToString::to_string).collect())
}

/// What a scope names when it is *all but these*.
pub(crate) fn except<T: Ord + ToString>(scope: &Scope<T>) -> Option<Vec<String>> {
    scope
        .except()
        .map(|names| names.iter().map(ToString::to_string).collect())
}

/// One credit.
#[derive(Debug, Serialize)]
pub(crate) struct CreditShape {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) kind: &'static str,
    pub(crate) account: String,
    pub(crate) currency: String,
    pub(crate) initial_amount: String,
    pub(crate) used_amount: String,
    pub(crate) voided_amount: String,
    pub(crate) split_amount: String,
    pub(crate) expired_amount: String,
    pub(crate) remaining_amount: String,
    pub(crate) estimated_amount: String,
    pub(crate) start_date: String,
    pub(crate) end_date: Option<String>,
    pub(crate) status: &'static str,
    pub(crate) services: Option<Vec<String>>,
    pub(crate) exclude_services: Option<Vec<String>>,
    pub(crate) regions: Option<Vec<String>>,
    pub(crate) categories: Option<Vec<String>>,
    pub(crate) exclude_categories: Option<Vec<String>>,
    pub(crate) stage: &'static str,
    pub(crate) share: Vec<String>,
    pub(crate) start_rule: Option<&'static str>,
    pub(crate) end_rule: Option<&'static str>,
    pub(crate) offer: Option<String>,
    pub(crate) terms: Option<String>,
    pub(crate) code_ending: Option<String>,
    pub(crate) void_reason: Option<String>,
    pub(crate) reference: Option<String>,
    pub(crate) made_for: Option<String>,
    pub(crate) earned_by: Option<EarnedByShape>,
    pub(crate) as_of: String,
    pub(crate) at_entry: u64,
    #[serde(skip)]
    pub(crate) figures: Figures,
    #[serde(skip)]
    pub(crate) initial: Money,
    #[serde(skip)]
    pub(crate) digits: u32,
}

impl CreditShape {
    /// A credit with its figures as of a date.
    pub(crate) fn new(
        record: &CreditRecord,
        figures: Figures,
        as_of: NaiveDate,
        state: &State,
    ) -> CreditShape {
        let Credit { id, terms, .. } = &record.credit;
        let digits = terms.currency.minor_digits();
        let text = |amount: Money| amount.text(digits);
        CreditShape {
            id: id.to_string(),
            name: terms.name.clone(),
            kind: terms.kind.as_str(),
            account: record.owner_on(as_of).to_string(),
            currency: terms.currency.to_string(),
            initial_amount: text(terms.amount),
            used_amount: text(figures.used),
            voided_amount: text(figures.voided),
            split_amount: text(figures.split),
            expired_amount: text(figures.expired),
            remaining_amount: text(figures.remaining),
            estimated_amount: text(figures.estimated),
            start_date: date(terms.start_date),
            end_date: terms.end_date.map(date),
            status: figures.status.as_str(),
            services: only(&terms.scope.services),
            exclude_services: except(&terms.scope.services),
            regions: only(&terms.scope.regions),
            categories: only(&terms.scope.categories),
            exclude_categories: except(&terms.scope.categories),
            stage: terms.stage.as_str(),
            share: match record.sharing_on(as_of) {
                Sharing::Default => vec!["default".to_owned()],
                Sharing::Disabled => vec!["disabled".to_owned()],
                Sharing::Custom(named) => named.iter().map(ToString::to_string).collect(),
            },
            start_rule: terms.start_rule.map(|rule| match rule {
                StartRule::Month => "month",
                StartRule::Day => "day",
            }),
            end_rule: terms.end_rule.map(|rule| match rule {
                EndRule::Month => "month",
                EndRule::Day => "day",
            }),
            offer: terms.offer.as_ref().map(ToString::to_string),
            terms: terms
                .offer
                .as_ref()
                .and_then(|id| state.offers.get(id))
                .and_then(|offer| offer.offer.terms.clone()),
            code_ending: record.code.clone(),
            void_reason: record
                .void_reason
                .clone()
                .filter(|_| figures.voided.is_positive()),
            reference: terms.reference.clone(),
            made_for: record.made_for.as_ref().map(ToString::to_string),
            earned_by: record.earned_by.as_ref().map(EarnedByShape::new),
            as_of: date(as_of),
            at_entry: state.head,
            figures,
            initial: terms.amount,
            digits,
        }
    }
}

/// What a credit was earned by: a bill's spend, or something completed.
#[derive(Debug, Serialize)]
pub(crate) struct EarnedByShape {
    pub(crate) bill: Option<String>,
    pub(crate) evidence: Option<String>,
}

impl EarnedByShape {
    fn new(merit: &Merit) -> EarnedByShape {
        match merit {
            Merit::Spend(bill) => EarnedByShape {
                bill: Some(bill.to_string()),
                evidence: None,
            },
            Merit::Completed(evidence) => EarnedByShape {
                bill: None,
                evidence: Some(evidence.clone()),
            },
        }
    }
}

/// All credits of a currency together.
#[derive(Debug, Serialize)]
pub(crate) struct BalanceShape {
    pub(crate) currency: String,
    pub(crate) initial: String,
    pub(crate) used: String,
    pub(crate) expired: String,
    pub(crate) voided: String,
    pub(crate) remaining: String,
    pub(crate) estimated: String,
    #[serde(skip)]
    pub(crate) balance: Balance,
    #[serde(skip)]
    pub(crate) digits: u32,
}

impl BalanceShape {
    /// The balance of a currency.
    pub(crate) fn new(currency: Currency, balance: Balance) -> BalanceShape {
        let digits = currency.minor_digits();
        let text = |amount: Money| amount.text(digits);
        BalanceShape {
            currency: currency.to_string(),
            initial: text(balance.initial),
            used: text(balance.used),
            expired: text(balance.expired),
            voided: text(balance.voided),
            remaining: text(balance.remaining),
            estimated: text(balance.estimated),
            balance,
            digits,
        }
    }
}

/// This much of this credit.
#[derive(Debug, Serialize)]
pub(crate) struct AllocationShape {
    pub(crate) credit: String,
    pub(crate) amount: String,
}

impl AllocationShape {
    /// An allocation in a currency with so many digits.
    pub(crate) fn new(allocation: &Allocation, digits: u32) -> AllocationShape {
        AllocationShape {
            credit: allocation.credit.to_string(),
            amount: allocation.amount.text(digits),
        }
    }
}

/// One charge of a statement.
#[derive(Debug, Serialize)]
pub(crate) struct ChargeShape<'a> {
    pub(crate) id: Option<&'a str>,
    pub(crate) account: &'a str,
    pub(crate) service: &'a str,
    pub(crate) region: Option<&'a str>,
    pub(crate) category: &'static str,
    pub(crate) start: Option<String>,
    pub(crate) end: Option<String>,
    pub(crate) description: Option<&'a str>,
    pub(crate) count: u64,
    pub(crate) amount: String,
    pub(crate) discounted: String,
    pub(crate) allocations: Vec<AllocationShape>,
    pub(crate) card: String,
    pub(crate) assumed: bool,
}

impl<'a> ChargeShape<'a> {
    fn new(line: &Line<'a>, digits: u32) -> ChargeShape<'a> {
        let Line {
            charge,
            discounted,
            allocations,
            card,
            ..
        } = *line;
        let allocations = allocations.iter();
        ChargeShape {
            id: charge.id.as_deref(),
            account: charge.account.as_str(),
            service: charge.service.as_str(),
            region: charge.region.as_ref().map(Region::as_str),
            category: charge.category.as_str(),
            start: charge.start.map(date),
            end: charge.end.map(date),
            description: charge.description.as_deref(),
            count: charge.count,
            amount: charge.amount.text(digits),
            discounted: discounted.text(digits),
            allocations: allocations
                .map(|(_, allocation)| AllocationShape::new(allocation, digits))
                .collect(),
            card: card.text(digits),
            assumed: charge.start.is_none(),
        }
    }
}

/// The charges of a statement, of which there may be very many: each is shaped when it is asked for.
#[derive(Debug)]
pub(crate) struct ChargeShapes(Statement);

impl ChargeShapes {
    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.0.lines().count()
    }

    /// Each of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = ChargeShape<'_>> {
        let digits = self.0.bill.id().currency.minor_digits();
        self.0
            .lines()
            .map(move |line| ChargeShape::new(&line, digits))
    }
}

impl Serialize for ChargeShapes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

/// What one credit pays of a bill.
#[derive(Debug, Serialize)]
pub(crate) struct AppliedShape {
    pub(crate) credit: String,
    pub(crate) name: String,
    pub(crate) kind: &'static str,
    pub(crate) applied: String,
    pub(crate) remaining: String,
    pub(crate) end_date: Option<String>,
}

/// A bill whose card charge a correction changed.
#[derive(Debug, Serialize)]
pub(crate) struct ChangedShape {
    pub(crate) bill: String,
    pub(crate) card_charge_before: String,
    pub(crate) card_charge_after: String,
}

impl ChangedShape {
    /// A change, in the digits of the bill's currency.
    pub(crate) fn new(change: &CardChange) -> ChangedShape {
        let digits = change.bill.currency.minor_digits();
        ChangedShape {
            bill: change.bill.to_string(),
            card_charge_before: change.before.text(digits),
            card_charge_after: change.after.text(digits),
        }
    }

    /// It in words.
    pub(crate) fn line(&self, currency: &str) -> String {
        let (before, after) = (&self.card_charge_before, &self.card_charge_after);
        let [before, after] = [before, after].map(|amount| grouped(amount));
        let bill = &self.bill;
        format!("card charge of {bill} changed from {before} to {after} {currency}")
    }
}

/// A credit that the spend of a bill earned.
#[derive(Debug, Serialize)]
pub(crate) struct EarnedShape {
    pub(crate) credit: String,
    pub(crate) offer: Option<String>,
    pub(crate) name: String,
    pub(crate) amount: String,
    pub(crate) start_date: String,
    pub(crate) end_date: Option<String>,
}

/// What the spend of a bill earned and was not taken back.
fn earned_by_bill(state: &State, bill: &BillId) -> Vec<EarnedShape> {
    let bills = state.rewards.values();
    let credits = bills.filter_map(|bills| bills.get(bill)).flatten();
    let records = credits.filter_map(|id| state.credits.get(id));
    let shapes = records.filter_map(|record| {
        let Credit { id, terms, .. } = &record.credit;
        let amount = record.stands_on(NaiveDate::MAX);
        amount.is_positive().then(|| EarnedShape {
            credit: id.to_string(),
            offer: terms.offer.as_ref().map(ToString::to_string),
            name: terms.name.clone(),
            amount: amount.text(terms.currency.minor_digits()),
            start_date: date(terms.start_date),
            end_date: terms.end_date.map(date),
        })
    });
    shapes.collect()
}

/// The result of applying credits to one bill.
#[derive(Debug, Serialize)]
pub(crate) struct StatementShape {
    pub(crate) bill: String,
    pub(crate) account: String,
    pub(crate) month: String,
    pub(crate) currency: String,
    pub(crate) status: &'static str,
    pub(crate) basis: &'static str,
    pub(crate) reference: Option<String>,
    pub(crate) entry: Option<u64>,
    pub(crate) already_applied: bool,
    pub(crate) charges_total: String,
    pub(crate) credits_applied: String,
    pub(crate) card_charge: String,
    pub(crate) card_charge_exact: String,
    pub(crate) residue: String,
    pub(crate) provider_credits: String,
    pub(crate) charges: ChargeShapes,
    pub(crate) credits: Vec<AppliedShape>,
    pub(crate) earned: Vec<EarnedShape>,
    pub(crate) changed: Vec<ChangedShape>,
    pub(crate) at_entry: u64,
}

/// What is left of a credit after a statement, by credit.
pub(crate) type Remaining<'a> = &'a dyn Fn(CreditId) -> Money;

impl StatementShape {
    /// A statement, recorded in `entry` unless nothing was.
    pub(crate) fn new(
        statement: Statement,
        entry: Option<u64>,
        already_applied: bool,
        state: &State,
        remaining: Remaining<'_>,
    ) -> StatementShape {
        let bill = &statement.bill;
        let BillId {
            month,
            payer,
            currency,
        } = bill.id();
        let digits = currency.minor_digits();
        let totals = statement.totals();
        let card = totals.card.round_half_away(digits);
        let credits = statement.applied.iter().filter_map(|allocation| {
            let record = state.credits.get(&allocation.credit)?;
            Some(AppliedShape {
                credit: allocation.credit.to_string(),
                name: record.credit.terms.name.clone(),
                kind: record.credit.terms.kind.as_str(),
                applied: allocation.amount.text(digits),
                remaining: remaining(allocation.credit).text(digits),
                end_date: record.credit.terms.end_date.map(date),
            })
        });
        StatementShape {
            bill: bill.id().to_string(),
            account: payer.to_string(),
            month: month.to_string(),
            currency: currency.to_string(),
            status: bill.status().as_str(),
            basis: state
                .bills
                .get(bill.id())
                .map_or(Basis::Rules, |bill| bill.basis)
                .as_str(),
            reference: bill.reference().map(str::to_owned),
            entry,
            already_applied,
            charges_total: totals.charges.text(digits),
            credits_applied: totals.credits.text(digits),
            card_charge: card.text(digits),
            card_charge_exact: totals.card.text(digits),
            residue: (totals.card - card).text(digits),
            provider_credits: totals.provider_credits.text(digits),
            credits: credits.collect(),
            earned: earned_by_bill(state, bill.id()),
            charges: ChargeShapes(statement),
            changed: Vec::new(),
            at_entry: state.head,
        }
    }
}
