//! `journal`, `verify`: every entry, and proof that the ledger is whole.

use clap::Args;
use credits_ledger::ledger::credit::Sharing;
use credits_ledger::ledger::entry::{Basis, Cause, Entry, Event, Merit};
use credits_ledger::ledger::offer::{Makes, Offer};
use credits_ledger::store::verify::{Depth, verify as prove};
use credits_ledger::store::{Record, StoreError};
use serde::Serialize;
use serde_json::value::RawValue;

use super::answer::{Answer, Format};
use super::context::Context;
use super::failure::Failure;
use super::limits::flags;
use super::table::{Cell, Table};

/// Print every entry, in order
///
/// JSON prints one entry a line: number, hash, and the record as it is kept.
#[derive(Debug, Args)]
#[command(before_long_help = "Examples:
  credits journal
  credits --json journal --from 12")]
pub(crate) struct JournalArgs {
    /// From this entry on
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    from: u64,
    /// Up to and including this entry [default: the last]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    to: Option<u64>,
}

#[derive(Serialize)]
struct EntryShape {
    number: u64,
    hash: String,
    record: Box<RawValue>,
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Prints the journal.
pub(crate) fn journal(args: &JournalArgs, context: &Context) -> Result<Answer, Failure> {
    let journal = context.journal()?;
    let absence = context.absence(&journal);
    let view = journal.view();
    // Reading the state proves the chain up to the head before anything is shown.
    let head = view.state()?.head;
    let to = args.to.unwrap_or(head).min(head);
    let (mut shapes, mut rows) = (Vec::new(), Vec::new());
    view.entries(args.from, to, &mut |record, entry| {
        match context.format {
            Format::Json => shapes.push(entry_shape(&record)?),
            Format::Csv | Format::Table => rows.push(entry_row(&entry, &record)),
        }
        Ok(())
    })?;
    if context.format == Format::Json {
        return Ok(Answer::json(shapes).with_notes(absence));
    }
    let table = Table::new([
        "entry",
        "command",
        "recorded",
        "effective",
        "kind",
        "about",
        "hash",
    ])
    .styled(context.style);
    let table = if rows.is_empty() {
        table.above("no entries")
    } else {
        table.rows(rows)
    };
    let csv = context.format == Format::Csv;
    Ok(Answer::new(move |out| {
        if csv {
            table.write_csv(out)
        } else {
            table.write_text(out)
        }
    })
    .with_notes(absence))
}

fn entry_shape(record: &Record) -> Result<EntryShape, StoreError> {
    let damaged = |what: String| StoreError::Damaged(format!("entry {}: {what}", record.number));
    let text =
        String::from_utf8(record.bytes.clone()).map_err(|error| damaged(error.to_string()))?;
    let raw = RawValue::from_string(text).map_err(|error| damaged(error.to_string()))?;
    Ok(EntryShape {
        number: record.number,
        hash: hex(&record.hash),
        record: raw,
    })
}

fn entry_row(entry: &Entry, record: &Record) -> Vec<Cell> {
    vec![
        Cell::Number(entry.number),
        Cell::Number(entry.command),
        Cell::text(entry.recorded.format("%Y-%m-%d %H:%M:%SZ")),
        Cell::text(entry.effective),
        Cell::text(entry.event.kind()),
        Cell::text(about(entry)),
        Cell::text(hex(&record.hash[..4])),
    ]
}

/// What a credit of an offer is worth.
fn worth(offer: &Offer) -> String {
    match &offer.makes {
        Makes::ByCode(amount) | Makes::ByCompletion { amount, .. } => {
            amount.grouped(offer.currency.minor_digits())
        }
        Makes::BySpend(rule) => format!("{}% in", rule.percent),
    }
}

fn as_billed(basis: Basis) -> &'static str {
    match basis {
        Basis::Rules => "",
        Basis::AsBilled => ", as billed",
    }
}

/// An entry in a few words.
fn about(entry: &Entry) -> String {
    match &entry.event {
        Event::Opened(id) => format!("ledger {id}"),
        Event::Granted { account, terms } => format!(
            "C{}: {} {} for {account}",
            entry.number,
            terms.amount.grouped(terms.currency.minor_digits()),
            terms.currency
        ),
        Event::Redeemed {
            account,
            terms,
            code,
        } => {
            format!(
                "C{}: {} {} for {account}, code ending in {}",
                entry.number,
                terms.amount.grouped(terms.currency.minor_digits()),
                terms.currency,
                code.last
            )
        }
        Event::Earned { account, terms, by } => {
            let offer = terms.offer.as_ref().map_or("", |offer| offer.as_str());
            let by = match by {
                Merit::Spend(bill) => format!("bill {bill}"),
                Merit::Completed(evidence) => evidence.clone(),
            };
            format!(
                "C{}: {} {} for {account}, earned by {by}, offer {offer}",
                entry.number,
                terms.amount.grouped(terms.currency.minor_digits()),
                terms.currency
            )
        }
        Event::OfferAdded(offer) => format!(
            "{}: {} {}, {}",
            offer.id,
            worth(offer),
            offer.currency,
            offer.makes.how()
        ),
        Event::CodeAdded { offer, code } => format!("{offer}: code ending in {}", code.last),
        Event::CodeRevoked {
            offer,
            code,
            reason,
        } => {
            let why = reason.as_deref();
            let why = why.map_or(String::new(), |why| format!(", {why}"));
            format!("{offer}: code ending in {} revoked{why}", code.last)
        }
        Event::BillEstimated(bill) => {
            let digits = bill.id.currency.minor_digits();
            format!(
                "{}: charges {}{}",
                bill.id,
                bill.totals.charges.grouped(digits),
                as_billed(bill.basis)
            )
        }
        Event::BillBooked(booking) => {
            let totals = &booking.bill.totals;
            let digits = booking.bill.id.currency.minor_digits();
            let [charges, credits, card] =
                [totals.charges, totals.credits, totals.card].map(|amount| amount.grouped(digits));
            format!(
                "{}: charges {charges}, credits {credits}, card {card}{}",
                booking.bill.id,
                as_billed(booking.bill.basis)
            )
        }
        Event::BillReversed(reversal) => {
            let why = match &reversal.cause {
                Cause::Reversed(reason) => reason.as_str(),
                Cause::Amended => "amended",
                Cause::DecidedAnew => "decided anew",
            };
            format!(
                "{}: entry {} reversed, {why}",
                reversal.bill, reversal.recorded_in
            )
        }
        Event::MonthClosed(month) => format!("{month} and before"),
        Event::MonthReopened(month) => format!("{month} and after"),
        Event::CreditVoided {
            credit,
            amount,
            reason,
        } => format!("{credit}: {amount} taken away, {reason}"),
        Event::CreditReduced {
            credit,
            amount,
            reason,
        } => format!("{credit}: {amount} taken back, {reason}"),
        Event::CreditPaused(credit) => format!("{credit}: takes no part for now"),
        Event::CreditResumed(credit) => format!("{credit}: takes part again"),
        Event::CreditTransferred { credit, to } => format!("{credit}: is account {to}'s"),
        Event::CreditShared { credit, sharing } => match sharing {
            Sharing::Default => format!("{credit}: shared as by default"),
            Sharing::Disabled => format!("{credit}: shared with nobody"),
            Sharing::Custom(named) => {
                let named: Vec<String> = named.iter().map(ToString::to_string).collect();
                format!("{credit}: shared with {} only", named.join(", "))
            }
        },
        Event::CreditMadeGood {
            account,
            terms,
            bill,
        } => format!(
            "C{}: {} {} for {account}, made good for bill {bill}",
            entry.number,
            terms.amount.grouped(terms.currency.minor_digits()),
            terms.currency
        ),
        Event::CreditSplit { credit, parts } => {
            let parts: Vec<String> = parts.iter().map(|part| part.amount.to_string()).collect();
            format!("{credit}: split into {}", parts.join(", "))
        }
        Event::ProviderSaid { credit, word } => {
            let said = [
                word.enabled
                    .map(|enabled| if enabled { "enabled" } else { "disabled" }.to_owned()),
                word.owner
                    .as_ref()
                    .map(|owner| format!("account {owner}'s")),
                word.sharing.as_ref().map(|_| "shared otherwise".to_owned()),
            ];
            let said: Vec<String> = said.into_iter().flatten().collect();
            format!("{credit}: by the provider's word {}", said.join(", "))
        }
        Event::CreditMatched { name, credit } => {
            format!("{credit}: is what the provider calls {name}")
        }
        Event::AccountSet(change) => format!("account {}", change.account),
        Event::ServiceAliased { alias, service } => format!("`{alias}` stands for {service}"),
        Event::ChecksSet(limits) if limits.is_none() => "nothing is looked for".to_owned(),
        Event::ChecksSet(limits) => flags(limits),
    }
}

/// Prove that the ledger is whole
///
/// Checks the file's pages, every entry's place in the chain of hashes, every charge of every
/// bill, that the entries fold to a sound state, and that index and snapshot say the same. Status
/// 1 where something does not hold. The head it prints, kept elsewhere, shows later that nothing
/// was cut off: --head NUMBER:HASH.
#[derive(Debug, Args)]
#[command(before_long_help = "Examples:
  credits verify
  credits verify --quick
  credits verify --head 12:5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8")]
pub(crate) struct VerifyArgs {
    /// Only the chain of entries and the state they fold to
    #[arg(long)]
    quick: bool,
    /// A head kept elsewhere: the entry is still there, with this hash (its first 8 digits or more)
    #[arg(long, value_name = "NUMBER:HASH", value_parser = read_head)]
    head: Option<(u64, String)>,
}

fn read_head(text: &str) -> Result<(u64, String), String> {
    let wrong =
        || "is not a head, heads are as `credits verify` prints them: NUMBER:HASH".to_owned();
    let (number, hash) = text.split_once(':').ok_or_else(wrong)?;
    let hash = hash.to_ascii_lowercase();
    let plain = (8..=64).contains(&hash.len()) && hash.bytes().all(|b| b.is_ascii_hexdigit());
    match number.parse() {
        Ok(number) if plain && number > 0 => Ok((number, hash)),
        _ => Err(wrong()),
    }
}

#[derive(Debug, Serialize)]
struct Verified {
    ledger: String,
    entries: u64,
    head: String,
    whole: bool,
    findings: Vec<String>,
}

/// Proves a ledger.
pub(crate) fn verify(args: &VerifyArgs, context: &Context) -> Result<Answer, Failure> {
    let journal = context.journal()?;
    let Some(store) = journal.store() else {
        return Err(Failure::no_ledger(&context.path));
    };
    let depth = if args.quick {
        Depth::Quick
    } else {
        Depth::Full
    };
    let mut report = prove(store, depth)?;
    if let Some((number, hash)) = &args.head {
        let mut kept = None;
        let read = journal.view().entries(*number, *number, &mut |record, _| {
            kept = Some(hex(&record.hash));
            Ok(())
        });
        match read {
            Err(StoreError::Damaged(what)) => report.findings.push(what),
            read => read?,
        }
        if !kept.is_some_and(|kept| kept.starts_with(hash.as_str())) {
            report
                .findings
                .push(format!("entry {number} is not the one whose hash was kept"));
        }
    }
    let whole = report.findings.is_empty();
    let answer = Verified {
        ledger: context.path.display().to_string(),
        entries: report.head.number,
        head: format!("{}:{}", report.head.number, hex(&report.head.hash)),
        whole,
        findings: report.findings,
    };
    Ok(match context.format {
        Format::Table => {
            let depth = if args.quick { " (quick)" } else { "" };
            let said = match whole {
                true => format!("the ledger is whole{depth}: {} entries, head {}\n", answer.entries, answer.head),
                false => {
                    let findings: Vec<String> = answer.findings.iter().map(|finding| format!("  {finding}\n")).collect();
                    format!("the ledger is damaged:\n{}keep this file, and restore a copy from before\n", findings.concat())
                }
            };
            Answer::text(said)
        }
        format => Answer::data(format, answer, |answer| {
            Table::new(["entries", "head", "whole", "findings"]).rows([vec![
                Cell::Count(answer.entries),
                Cell::text(&answer.head),
                Cell::text(answer.whole),
                Cell::text(answer.findings.join("; ")),
            ]])
        }),
    }
    .status(u8::from(!whole)))
}
