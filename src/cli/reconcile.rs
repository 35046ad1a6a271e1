//! `reconcile`: our allocations against the provider's.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use chrono::NaiveDate;
use clap::Args;
use credits_ledger::formats::aws_api::{History, is_history};
use credits_ledger::formats::{FAULT_LIMIT, Services};
use credits_ledger::ledger::apply::apply;
use credits_ledger::ledger::as_billed::land;
use credits_ledger::ledger::bill::{Bill, Status};
use credits_ledger::ledger::booking::Past;
use credits_ledger::ledger::names::{AccountId, BillId, Currency};
use credits_ledger::ledger::reconcile::{
    Amounts, Compared, Key, KnownCredits, Payer, TOLERANCE, compare, over_credit,
};
use credits_ledger::ledger::scope::Category;
use credits_ledger::ledger::state::State;
use credits_ledger::ledger::statement::{Statement, Totals};
use credits_ledger::money::Money;
use credits_ledger::period::Month;
use credits_ledger::store::journal::View;
use serde::Serialize;

use super::answer::{Answer, Format};
use super::context::{Context, LedgerSays};
use super::correct::read_month;
use super::documents::{Bills, Document, InputArgs};
use super::failure::Failure;
use super::import::{read_history_document, whole};
use super::service::unknown_notes;
use super::statement::is_zero;
use super::table::{Cell, Table};
use super::terms::{read_account, read_signed_amount};

/// Compare what credits paid here with what the provider says
///
/// By month, account, service and, where it is known, credit, within a tolerance of 0.000001 each.
/// The provider's word are its own credit rows in bills (cost and usage reports, Cost Explorer), or
/// its answers to `aws billing get-credit-allocation-history`; without FILE, the credit rows of the
/// bills on record.
///
/// A history is taken to speak of all months from its first to its last, and of --month; months
/// before the first bill on record are left out. Status 1 where an amount does not agree, a bill is
/// not on record or has other charges there, a month is missing in the provider's word, two
/// documents of the provider's differ, the invoice does, or nothing of a FILE could be compared.
#[derive(Debug, Args)]
#[command(before_long_help = "Examples:
  credits reconcile
  credits reconcile cur-2026-04.csv --invoice-total 1.50
  credits reconcile history.json --month 2026-01
  credits --format csv reconcile history.json > differences.csv")]
pub(crate) struct ReconcileArgs {
    /// Bills with credit rows, or allocation histories (recognised by content, whatever --input
    /// says); `-` is stdin [default: the credit rows of the bills on record]
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    input: InputArgs,
    /// Compare this month only
    #[arg(long, value_name = "YYYY-MM", value_parser = read_month)]
    month: Option<Month>,
    /// Compare the bills of this payer account only
    #[arg(long, value_name = "ID", value_parser = read_account)]
    payer: Option<AccountId>,
    /// What the invoice of the one bill compared says is to be paid
    #[arg(long, value_name = "AMOUNT", allow_hyphen_values = true, value_parser = read_signed_amount)]
    invoice_total: Option<Money>,
}

#[derive(Debug, Serialize)]
struct ComparedShape {
    month: String,
    account: String,
    service: String,
    credit: Option<String>,
    reference: Option<String>,
    currency: String,
    ours: String,
    provider: String,
    difference: String,
    over_credit: String,
    agrees: bool,
}

#[derive(Debug, Serialize)]
struct SummaryShape {
    currency: String,
    ours: String,
    provider: String,
    difference: String,
    over_credit: String,
    disagreements: usize,
    tolerance: String,
}

/// A bill of which the provider's word was compared.
#[derive(Debug, Serialize)]
struct BillShape {
    bill: String,
    entry: Option<u64>,
    charges_ours: Option<String>,
    charges_provider: String,
    provider_credits: String,
    net: String,
    invoice_total: Option<String>,
    invoice_difference: Option<String>,
    agrees: bool,
    #[serde(skip)]
    words: Option<String>,
}

/// Two documents of the provider's that do not say the same.
#[derive(Debug, Serialize)]
struct ApartShape {
    month: String,
    account: String,
    service: String,
    currency: String,
    report: String,
    history: String,
}

#[derive(Debug, Serialize)]
struct Reconciled {
    at_entry: u64,
    months: Vec<ComparedShape>,
    summary: SummaryShape,
    summaries: Vec<SummaryShape>,
    bills: Vec<BillShape>,
    missing_months: Vec<String>,
    not_compared: Vec<String>,
    complete: bool,
    provider_differs: Vec<ApartShape>,
}

/// What the provider says.
#[derive(Default)]
struct Word {
    bills: Vec<Bill>,
    history: History,
    has_history: bool,
}

/// Compares ours with the provider's.
pub(crate) fn reconcile(args: &ReconcileArgs, context: &Context) -> Result<Answer, Failure> {
    let (mut word, mut notes) = read_word(args, &context.ledger_says()?, context.is_watched)?;
    let journal = context.journal()?;
    if !journal.exists() {
        return Err(Failure::no_ledger(&context.path));
    }
    let view = journal.view();
    let state = view.state()?;
    let open: BTreeMap<BillId, Statement> = view
        .estimates(&state, NaiveDate::MAX, &context.rules)?
        .into_iter()
        .map(|statement| (statement.bill.id().clone(), statement))
        .collect();
    let record = Record {
        args,
        view,
        state: &state,
        open,
    };
    if args.files.is_empty() {
        word.bills = record.bills_with_rows()?;
    }
    word.bills.retain(|bill| args.takes(bill.id()));
    if let Some(month) = args.month {
        word.history.allocations.retain(|one| one.month == month);
        word.history.missing.retain(|missing| *missing == month);
    }
    if args.invoice_total.is_some() && word.bills.len() != 1 {
        let message = format!(
            "an invoice is of one bill, and {} are compared",
            word.bills.len()
        );
        return Err(Failure::usage(message)
            .hint("`--month YYYY-MM` and `--payer ID` choose one; a history has no charges"));
    }
    let (answer, name_notes) = compared(&word, &record, context)?;
    notes.extend(name_notes);
    if answer.months.is_empty() && answer.bills.is_empty() {
        notes.push(match args.files.is_empty() {
            true => "note: no bill on record that is asked about holds credit rows of the provider; name a FILE".to_owned(),
            false => "note: nothing of these documents could be compared".to_owned(),
        });
    }
    let is_silent = !args.files.is_empty() && answer.months.is_empty() && answer.bills.is_empty();
    let agrees = answer.months.iter().all(|row| row.agrees)
        && answer.bills.iter().all(|bill| bill.agrees)
        && answer.missing_months.is_empty()
        && answer.complete
        && answer.provider_differs.is_empty()
        && !is_silent;
    if context.format == Format::Csv {
        notes.extend(
            beside_rows(&answer)
                .into_iter()
                .map(|line| format!("note: {line}")),
        );
    }
    Ok(answered(context, answer)
        .with_notes(notes)
        .status(u8::from(!agrees)))
}

fn read_word(
    args: &ReconcileArgs,
    ledger: &LedgerSays,
    is_watched: bool,
) -> Result<(Word, Vec<String>), Failure> {
    let mut word = Word::default();
    let mut notes = Vec::new();
    let mut services = Services::new(&ledger.names);
    let bills = Bills::new(&args.input, ledger, args.payer.as_ref(), args.files.len());
    let mut bills = bills.watched(is_watched);
    for file in &args.files {
        let mut document = Document::open(file, "what the provider says")?;
        if is_history(&document.look()?) {
            let history = read_history_document(document, &mut services)?;
            word.history.add(history);
            word.has_history = true;
        } else {
            bills.read(document)?;
        }
    }
    word.history = whole(word.history)?;
    let history_notes = word.history.notes.iter();
    notes.extend(history_notes.map(|note| format!("note: {note}")));
    let (bills, read_notes) = bills.finish()?;
    word.bills = bills;
    notes.extend(read_notes);
    notes.extend(unknown_notes(&services.unknown(), &ledger.names));
    Ok((word, notes))
}

impl ReconcileArgs {
    fn takes(&self, id: &BillId) -> bool {
        self.month.is_none_or(|month| id.month == month)
            && self.payer.as_ref().is_none_or(|payer| id.payer == *payer)
    }
}

/// What is on record.
struct Record<'a> {
    args: &'a ReconcileArgs,
    view: View<'a>,
    state: &'a State,
    /// The statements of open bills.
    open: BTreeMap<BillId, Statement>,
}

impl Record<'_> {
    fn statement(&self, id: &BillId) -> Result<Option<Statement>, Failure> {
        let Some(bill) = self.state.bills.get(id) else {
            return Ok(None);
        };
        match bill.status {
            Status::Estimated => Ok(self.open.get(id).cloned()),
            Status::Final => match self.view.lines(bill)? {
                credits_ledger::ledger::entry::Lines::Statement(statement) => Ok(Some(statement)),
                credits_ledger::ledger::entry::Lines::Bill(_) => Ok(None),
            },
        }
    }

    /// The bills on record that hold credit rows of the provider.
    fn bills_with_rows(&self) -> Result<Vec<Bill>, Failure> {
        let mut bills = Vec::new();
        for (id, bill) in &self.state.bills {
            if self.args.takes(id) && !bill.totals.provider_credits.is_zero() {
                bills.extend(self.statement(id)?.map(|statement| statement.bill));
            }
        }
        Ok(bills)
    }
}

/// What is compared, and notes on the names that could not be.
fn compared(
    word: &Word,
    record: &Record<'_>,
    context: &Context,
) -> Result<(Reconciled, Vec<String>), Failure> {
    let state = record.state;
    let mut known = KnownCredits::new(state, &context.rules);
    let (mut ours, mut provider) = (Amounts::default(), Amounts::default());
    let mut bills = Vec::new();
    let mut plain = Vec::new();
    for bill in &word.bills {
        provider.add_rows(bill, &mut known);
        let statement = record.statement(bill.id())?;
        if let Some(statement) = &statement {
            ours.add_statement(statement);
        }
        bills.push(bill_shape(bill, statement.as_ref(), record));
        plain.push(apply(&[], &state.accounts, bill.clone(), &context.rules));
    }
    let over = over_credit(&provider, &plain);
    let mut history = Amounts::default();
    for allocation in &word.history.allocations {
        history.add_allocation(allocation, &mut known);
    }
    let of_bills: BTreeSet<Month> = word.bills.iter().map(|bill| bill.id().month).collect();
    let missing = &word.history.missing;
    let spoken_of = record.months_of(word.has_history, &history);
    let by_history: BTreeSet<Month> = spoken_of.difference(missing).copied().collect();
    let both: BTreeSet<Month> = by_history.intersection(&of_bills).copied().collect();
    let apart = apart(
        &provider.clone().within(&both),
        &history.clone().within(&both),
    );
    let history_alone: BTreeSet<Month> = by_history.difference(&of_bills).copied().collect();
    for id in state.bills.keys() {
        if history_alone.contains(&id.month) && record.args.takes(id) {
            let statement = record.statement(id)?;
            statement.iter().for_each(|one| ours.add_statement(one));
        }
    }
    let of_rows = compare(&ours.clone().within(&of_bills), &provider, &known);
    let (ours, theirs) = (
        ours.within(&history_alone),
        history.clone().within(&history_alone),
    );
    let mut rows = compare(&ours, &theirs, &known);
    rows.extend(of_rows);
    rows.sort_by(|a, b| (&a.key, &a.payer).cmp(&(&b.key, &b.payer)));
    let compared: BTreeSet<Month> = by_history.union(&of_bills).copied().collect();
    let totals = summaries(&rows, &plain);
    let notes = unknown_names(&known.unknown_names());
    let reconciled = Reconciled {
        at_entry: state.head,
        months: rows.iter().map(|row| row_shape(row, &over)).collect(),
        summary: summary(&totals),
        summaries: totals,
        bills,
        missing_months: missing.iter().map(Month::to_string).collect(),
        not_compared: record.not_compared(&compared, missing, &history),
        complete: !word.history.is_partial,
        provider_differs: apart,
    };
    Ok((reconciled, notes))
}

/// A note per name of the provider's that is of no one credit on record, up to [`FAULT_LIMIT`].
fn unknown_names(names: &BTreeSet<&str>) -> Vec<String> {
    let named = names.iter().filter(|name| !name.is_empty());
    let mut notes: Vec<String> = named
        .clone()
        .take(FAULT_LIMIT)
        .map(|name| {
            format!(
                "note: the provider calls a credit `{}`, which is the name of no one credit on record \
                 there; what it paid is compared without the credit",
                name.escape_debug()
            )
        })
        .collect();
    if named.count() > FAULT_LIMIT {
        notes.push("note: more names of the provider's are on record of no one credit".to_owned());
    }
    notes
}

impl Record<'_> {
    /// The first month of which there is a bill; before that the ledger says nothing.
    fn first_month(&self) -> Option<Month> {
        let payer = self.args.payer.as_ref();
        let bills = self.state.bills.keys();
        bills
            .filter(|id| payer.is_none_or(|payer| id.payer == *payer))
            .map(|id| id.month)
            .next()
    }

    /// The months that a history speaks of and the ledger can answer for: from its first to its
    /// last, and the one that is asked about.
    fn months_of(&self, has_history: bool, history: &Amounts) -> BTreeSet<Month> {
        let mut months = history.months();
        if has_history {
            months.extend(self.args.month);
        }
        let mut spanned = BTreeSet::new();
        let (Some(first), Some(last)) = (months.first(), months.last()) else {
            return spanned;
        };
        let Some(begin) = self.first_month().map(|begin| begin.max(*first)) else {
            return spanned;
        };
        let mut month = begin;
        while month <= *last && spanned.insert(month) {
            month = month.next();
        }
        spanned
    }

    /// What one side says and the other could not be asked about, in words.
    fn not_compared(
        &self,
        compared: &BTreeSet<Month>,
        missing: &BTreeSet<Month>,
        history: &Amounts,
    ) -> Vec<String> {
        let mut words = Vec::new();
        let early: Vec<String> = history
            .months()
            .iter()
            .filter(|month| !compared.contains(month) && !missing.contains(month))
            .map(Month::to_string)
            .collect();
        if !early.is_empty() {
            words.push(format!(
                "{}: before the first bill on record",
                early.join(", ")
            ));
        }
        let ours: BTreeSet<Month> = self
            .state
            .bills
            .iter()
            .filter(|(id, bill)| self.args.takes(id) && bill.totals.credits.is_positive())
            .map(|(id, _)| id.month)
            .filter(|month| !compared.contains(month) && !missing.contains(month))
            .collect();
        if !ours.is_empty() && !self.args.files.is_empty() {
            let ours: Vec<String> = ours.iter().map(Month::to_string).collect();
            words.push(format!(
                "{}: credits paid here, the documents do not speak of it",
                ours.join(", ")
            ));
        }
        words
    }
}

fn row_shape(row: &Compared, over: &BTreeMap<Key, Money>) -> ComparedShape {
    let digits = row.key.currency.minor_digits();
    let over = over.get(&row.key).copied().unwrap_or_default();
    ComparedShape {
        month: row.key.month.to_string(),
        account: row.key.account.to_string(),
        service: row.key.service.to_string(),
        credit: match &row.payer {
            Payer::Credit(credit) => Some(credit.to_string()),
            Payer::Reference(_) | Payer::Unknown => None,
        },
        reference: match &row.payer {
            Payer::Reference(reference) => Some(reference.clone()),
            Payer::Credit(_) | Payer::Unknown => None,
        },
        currency: row.key.currency.to_string(),
        ours: row.ours.text(digits),
        provider: row.provider.text(digits),
        difference: row.difference().text(digits),
        over_credit: over.text(digits),
        agrees: row.agrees(),
    }
}

/// A summary a currency, in alphabetical order.
fn summaries(rows: &[Compared], bills: &[Statement]) -> Vec<SummaryShape> {
    let currencies: BTreeSet<Currency> = rows.iter().map(|row| row.key.currency).collect();
    let summary = |currency: Currency| {
        let digits = currency.minor_digits();
        let rows = rows.iter().filter(|row| row.key.currency == currency);
        let ours: Money = rows.clone().map(|row| row.ours).sum();
        let provider: Money = rows.clone().map(|row| row.provider).sum();
        let over: Money = bills
            .iter()
            .filter(|statement| statement.bill.id().currency == currency)
            .map(|statement| land(&statement.bill, &statement.discounted).over_credit)
            .sum();
        SummaryShape {
            currency: currency.to_string(),
            ours: ours.text(digits),
            provider: provider.text(digits),
            difference: (ours - provider).text(digits),
            over_credit: over.text(digits),
            disagreements: rows.filter(|row| !row.agrees()).count(),
            tolerance: TOLERANCE.text(0),
        }
    };
    currencies.into_iter().map(summary).collect()
}

/// Of several currencies the first; there the others are in `summaries`.
fn summary(totals: &[SummaryShape]) -> SummaryShape {
    match totals.first() {
        Some(first) => SummaryShape {
            currency: first.currency.clone(),
            ours: first.ours.clone(),
            provider: first.provider.clone(),
            difference: first.difference.clone(),
            over_credit: first.over_credit.clone(),
            disagreements: totals.iter().map(|one| one.disagreements).sum(),
            tolerance: first.tolerance.clone(),
        },
        None => SummaryShape {
            currency: Currency::USD.to_string(),
            ours: Money::ZERO.text(2),
            provider: Money::ZERO.text(2),
            difference: Money::ZERO.text(2),
            over_credit: Money::ZERO.text(2),
            disagreements: 0,
            tolerance: TOLERANCE.text(0),
        },
    }
}

fn bill_shape(bill: &Bill, statement: Option<&Statement>, record: &Record<'_>) -> BillShape {
    let id = bill.id();
    let digits = id.currency.minor_digits();
    let totals = Totals::of(bill);
    let net = totals.charges + totals.provider_credits;
    let invoice = record.args.invoice_total;
    // An invoice is in whole minor units, and rounded once.
    let invoice_agrees =
        invoice.is_none_or(|invoice| invoice == net.round_half_away(digits) || invoice == net);
    // The provider's own credit rows are compared by themselves.
    let same = statement.is_some_and(|ours| {
        let differences = ours.bill.difference(bill);
        let of_charges = differences
            .iter()
            .filter(|difference| difference.charge.category != Category::Credit);
        of_charges.count() == 0
    });
    let words = match (statement, same) {
        (None, _) => Some(format!(
            "bill {id} is not on record: `credits apply` books it"
        )),
        (Some(_), false) => Some(format!(
            "bill {id} has other charges on record: `credits apply --amend` books these"
        )),
        (Some(_), true) => None,
    };
    BillShape {
        bill: id.to_string(),
        entry: record.state.bills.get(id).map(|bill| bill.entry),
        charges_ours: statement.map(|ours| ours.totals().charges.text(digits)),
        charges_provider: totals.charges.text(digits),
        provider_credits: totals.provider_credits.text(digits),
        net: net.text(digits),
        invoice_total: invoice.map(|invoice| invoice.text(digits)),
        invoice_difference: invoice.map(|invoice| (net - invoice).text(digits)),
        agrees: invoice_agrees && same,
        words,
    }
}

/// Keys of which two documents of the provider's say different things.
fn apart(report: &Amounts, history: &Amounts) -> Vec<ApartShape> {
    let (report, history) = (report.by_key(), history.by_key());
    let keys: BTreeSet<&Key> = report.keys().chain(history.keys()).collect();
    let of = |sums: &BTreeMap<Key, Money>, key: &Key| sums.get(key).copied().unwrap_or_default();
    keys.into_iter()
        .filter(|key| (of(&report, key) - of(&history, key)).abs() > TOLERANCE)
        .map(|key| {
            let digits = key.currency.minor_digits();
            ApartShape {
                month: key.month.to_string(),
                account: key.account.to_string(),
                service: key.service.to_string(),
                currency: key.currency.to_string(),
                report: of(&report, key).text(digits),
                history: of(&history, key).text(digits),
            }
        })
        .collect()
}

/// Rows that a person still reads one by one.
const ROWS_MAX: usize = 40;

fn answered(context: &Context, answer: Reconciled) -> Answer {
    let style = context.style;
    let people = context.format == Format::Table;
    Answer::data(context.format, answer, |answer| {
        let all = !people || answer.months.len() <= ROWS_MAX;
        let headings = [
            "month",
            "account",
            "service",
            "credit",
            "currency",
            "ours",
            "provider",
            "difference",
            "over credit",
            "agrees",
        ];
        let has_over = answer.months.iter().any(|row| !is_zero(&row.over_credit));
        let with_over = has_over || !people;
        let headings = headings
            .into_iter()
            .filter(|heading| with_over || *heading != "over credit");
        let shown = answer.months.iter().filter(|row| all || !row.agrees);
        let rows = shown.map(|row| {
            let foreign = row
                .reference
                .as_ref()
                .map(|id| format!("not on record: {id}"));
            let mut cells = vec![
                Cell::text(&row.month),
                Cell::text(&row.account),
                Cell::text(&row.service),
                Cell::maybe(row.credit.as_ref().or(foreign.as_ref())),
                Cell::text(&row.currency),
                Cell::decimal(&row.ours),
                Cell::decimal(&row.provider),
                Cell::decimal(&row.difference),
            ];
            cells.extend(with_over.then(|| Cell::decimal(&row.over_credit)));
            cells.push(Cell::Status(if row.agrees { "yes" } else { "no" }));
            cells
        });
        let table = Table::new(headings).styled(style).rows(rows);
        told(answer).into_iter().fold(table, Table::below)
    })
}

/// What is to be said below the rows.
fn told(answer: &Reconciled) -> Vec<String> {
    let mut lines = Vec::new();
    for total in &answer.summaries {
        let currency = &total.currency;
        lines.push(format!(
            "ours {} {currency}, the provider's {}, difference {}",
            total.ours, total.provider, total.difference
        ));
        if !is_zero(&total.over_credit) {
            lines.push(format!(
                "over-credit: the provider's credit rows exceed the charges that they are for by {} {currency}",
                total.over_credit
            ));
        }
    }
    lines.push(format!(
        "compared: {}, disagreements: {}, tolerance {} each",
        answer.months.len(),
        answer.summary.disagreements,
        answer.summary.tolerance
    ));
    lines.extend(beside_rows(answer));
    if !lines.is_empty() && !answer.months.is_empty() {
        lines.insert(0, String::new());
    }
    lines
}

/// What does not agree or was not compared, beside the rows.
fn beside_rows(answer: &Reconciled) -> Vec<String> {
    let mut lines = Vec::new();
    for bill in &answer.bills {
        lines.extend(bill.words.clone());
        if let (Some(invoice), Some(difference)) = (&bill.invoice_total, &bill.invoice_difference) {
            lines.push(format!(
                "bill {}: {} net, {invoice} on the invoice, difference {difference}",
                bill.bill, bill.net
            ));
        }
    }
    for month in &answer.missing_months {
        lines.push(format!(
            "{month} is missing: AWS failed to return it, it is not compared"
        ));
    }
    if !answer.complete {
        let line = "something is missing: AWS failed to return it and does not say of which months";
        lines.push(line.to_owned());
    }
    let not_compared = answer.not_compared.iter();
    lines.extend(not_compared.map(|what| format!("not compared: {what}")));
    for apart in &answer.provider_differs {
        lines.push(format!(
            "the provider's own documents differ: {} {} {}: {} {} in the report, {} in the history",
            apart.month, apart.account, apart.service, apart.report, apart.currency, apart.history
        ));
    }
    lines
}
