//! `check --save`, `check --forget`: what a check looks for where nobody says what.

use credits_ledger::ledger::decide;
use credits_ledger::ledger::limits::Limits;
use serde::Serialize;

use super::answer::{Answer, Format};
use super::context::Context;
use super::failure::Failure;
use super::limits::{LimitsShape, flags};
use super::table::{Cell, Table};

#[derive(Debug, Serialize)]
struct Recorded {
    /// None where nothing is recorded.
    entry: Option<u64>,
    /// Whether it was so before.
    already_recorded: bool,
    limits: LimitsShape,
}

/// Records limits in place of those on record; none take them back.
pub(crate) fn record(limits: Limits, dry_run: bool, context: &Context) -> Result<Answer, Failure> {
    let outcome = context.record(dry_run, |desk, _| Ok(decide::set_checks(desk, limits)?))?;
    let entry = outcome.answer;
    let note = entry.is_none().then(|| match limits.is_none() {
        true => "note: there are no limits on record; nothing was recorded".to_owned(),
        false => "note: these limits are on record already; nothing was recorded".to_owned(),
    });
    let answer = match context.format {
        Format::Table => Answer::text(line(&limits, entry.filter(|_| !dry_run), dry_run)),
        format => {
            let recorded = Recorded {
                entry: entry.filter(|_| !dry_run),
                already_recorded: entry.is_none(),
                limits: LimitsShape::of(&limits),
            };
            Answer::data(format, recorded, move |recorded| table(recorded, &limits))
        }
    };
    let is_recorded = entry.is_some() && !dry_run;
    Ok(answer.with_notes(note).recorded(is_recorded))
}

fn line(limits: &Limits, entry: Option<u64>, dry_run: bool) -> String {
    let looks = if dry_run { "would look" } else { "looks" };
    let what = match limits.is_none() {
        true => "nothing".to_owned(),
        false => flags(limits),
    };
    let entry = entry.map_or(String::new(), |entry| format!(", entry {entry}"));
    format!("`credits check` {looks} for {what}{entry}\n")
}

fn table(recorded: &Recorded, limits: &Limits) -> Table {
    let row = vec![
        Cell::maybe(recorded.entry),
        Cell::text(recorded.already_recorded),
        Cell::text(flags(limits)),
    ];
    Table::new(["entry", "already recorded", "limits"]).rows([row])
}
