//! `check --format prometheus`: figures and alerts for a monitoring system, in the text exposition
//! format 0.0.4, as a node exporter reads it from a folder.
//!
//! Written here instead of by a crate: those keep values as floats, and no float touches money.

use std::fmt::Write;

use chrono::{DateTime, NaiveDate, Utc};
use credits_ledger::ledger::balance::CreditStatus;
use credits_ledger::ledger::check::{Alert, Charged, Facts, Limits, Total};
use credits_ledger::money::Money;

use super::limits::months;

/// A document under way.
#[derive(Default)]
struct Page(String);

/// Labels of a sample, by name.
type Labels<'a> = &'a [(&'a str, &'a str)];

impl Page {
    /// One measure with all its samples, which it needs at least one of.
    fn gauge(&mut self, name: &str, help: &str, samples: &[String]) {
        if samples.is_empty() {
            return;
        }
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} gauge");
        for sample in samples {
            let _ = writeln!(self.0, "{name}{sample}");
        }
    }
}

/// What follows on the name: labels, and a value as decimal text.
fn sample(labels: Labels<'_>, value: impl ToString) -> String {
    let labels = labels.iter().map(|(name, value)| {
        let value = value.replace('\\', r"\\").replace('"', "\\\"");
        format!("{name}=\"{}\"", value.replace('\n', r"\n"))
    });
    let labels: Vec<String> = labels.collect();
    let value = value.to_string();
    match labels.is_empty() {
        true => format!(" {value}"),
        false => format!("{{{}}} {value}", labels.join(",")),
    }
}

fn begin(is_up: bool, now: DateTime<Utc>) -> Page {
    let mut page = Page::default();
    page.gauge(
        "credits_up",
        "Whether the ledger could be read.",
        &[sample(&[], u8::from(is_up))],
    );
    page.gauge(
        "credits_checked_timestamp_seconds",
        "When this was written.",
        &[sample(&[], now.timestamp())],
    );
    page
}

/// That there is nothing to tell of a ledger which cannot be read.
pub(crate) fn down(now: DateTime<Utc>) -> String {
    begin(false, now).0
}

/// Figures and alerts.
pub(crate) fn page(
    facts: &Facts<'_>,
    limits: &Limits,
    alerts: &[Alert],
    now: DateTime<Utc>,
) -> String {
    let mut page = begin(true, now);
    page.gauge(
        "credits_ledger_entries",
        "Entries of the journal.",
        &[sample(&[], facts.state.head)],
    );
    totals(&mut page, facts);
    credits(&mut page, facts);
    bills(&mut page, facts);
    ahead(&mut page, facts, limits);
    page.gauge(
        "credits_alert",
        "Whether a limit that is set fires.",
        &of_kinds(limits, alerts),
    );
    page.gauge(
        "credits_limits",
        "How many limits are looked for.",
        &[sample(&[], of_kinds(limits, alerts).len())],
    );
    page.gauge(
        "credits_alerts",
        "How many alerts fire.",
        &[sample(&[], alerts.len())],
    );
    page.0
}

fn totals(page: &mut Page, facts: &Facts<'_>) {
    let totals = facts.totals();
    let of = |figure: fn(&Total) -> Money| {
        let totals = totals.iter();
        let samples = totals.map(|(currency, total)| {
            let value = figure(total).text(currency.minor_digits());
            sample(&[("currency", &currency.to_string())], value)
        });
        samples.collect::<Vec<_>>()
    };
    page.gauge(
        "credits_remaining",
        "What is left of active credits, open bills counted.",
        &of(|total| total.remaining),
    );
    page.gauge(
        "credits_initial",
        "What credits were worth that are active or used up.",
        &of(|total| total.initial),
    );
}

/// Midnight after a day, in seconds of the Unix clock.
fn end_of(day: NaiveDate) -> i64 {
    let midnight = day
        .succ_opt()
        .unwrap_or(day)
        .and_time(chrono::NaiveTime::MIN);
    midnight.and_utc().timestamp()
}

fn credits(page: &mut Page, facts: &Facts<'_>) {
    let (mut remaining, mut ends) = (Vec::new(), Vec::new());
    let active = facts.credits.iter();
    for (record, figures) in active.filter(|(_, is)| is.status == CreditStatus::Active) {
        let (credit, terms) = (&record.credit.id.to_string(), &record.credit.terms);
        let currency = terms.currency.to_string();
        let labels = [
            ("credit", credit.as_str()),
            ("currency", currency.as_str()),
            ("kind", terms.kind.as_str()),
            ("account", record.owner_on(facts.as_of).as_str()),
            ("name", terms.name.as_str()),
        ];
        let left = figures.estimated.text(terms.currency.minor_digits());
        remaining.push(sample(&labels, left));
        ends.extend(terms.end_date.map(|day| sample(&labels[..1], end_of(day))));
    }
    page.gauge(
        "credits_credit_remaining",
        "What is left of an active credit, open bills counted.",
        &remaining,
    );
    page.gauge(
        "credits_credit_end_timestamp_seconds",
        "When the end date of an active credit is over.",
        &ends,
    );
}

fn bills(page: &mut Page, facts: &Facts<'_>) {
    let latest = facts.bills().into_iter();
    let latest = latest.filter_map(|bills| bills.last().copied());
    let samples = latest.map(|Charged { bill, status, card }| {
        let (currency, digits) = (bill.currency.to_string(), bill.currency.minor_digits());
        let labels = [
            ("payer", bill.payer.as_str()),
            ("currency", &currency),
            ("month", &bill.month.to_string()),
            ("status", status.as_str()),
        ];
        sample(&labels, card.round_half_away(digits).text(digits))
    });
    page.gauge(
        "credits_bill_card",
        "What the latest bill of a payer charges the card.",
        &samples.collect::<Vec<_>>(),
    );
}

/// What is to come; nothing where no limit asks for it.
fn ahead(page: &mut Page, facts: &Facts<'_>, limits: &Limits) {
    if !limits.look_ahead() {
        return;
    }
    let runways = facts.foreseen.runways.iter().map(|runway| {
        let labels = [("currency", &*runway.currency.to_string())];
        sample(&labels, months(runway.tenths))
    });
    page.gauge(
        "credits_runway_months",
        "In how many months the card pays by the forecast; nothing where it never does.",
        &runways.collect::<Vec<_>>(),
    );
    let lapses = facts.foreseen.lapses.iter().map(|lapse| {
        let (credit, currency) = (lapse.credit.to_string(), lapse.currency.to_string());
        let labels = [("credit", credit.as_str()), ("currency", currency.as_str())];
        sample(&labels, lapse.unused.text(lapse.currency.minor_digits()))
    });
    page.gauge(
        "credits_unused_at_end",
        "What a credit leaves unused by the forecast.",
        &lapses.collect::<Vec<_>>(),
    );
}

fn of_kinds(limits: &Limits, alerts: &[Alert]) -> Vec<String> {
    let kinds = limits.kinds().into_iter();
    let samples = kinds.map(|kind| {
        let fires = alerts.iter().any(|alert| alert.kind() == kind);
        sample(&[("kind", kind)], u8::from(fires))
    });
    samples.collect()
}

#[cfg(test)]
mod tests {
    use credits_ledger::ledger::check::{Foreseen, Lapse, Runway};
    use credits_ledger::ledger::names::{CreditId, Currency};
    use credits_ledger::ledger::rules::Rules;
    use credits_ledger::ledger::state::State;
    use credits_ledger::period::{Month, parse_date};

    use super::*;

    #[test]
    fn what_is_to_come_is_told_where_a_limit_asks_for_it() {
        let as_of = parse_date("2026-03-15").expect("a date");
        let foreseen = Foreseen {
            lapses: vec![Lapse {
                credit: CreditId::made_by(2),
                currency: Currency::USD,
                end_date: as_of,
                unused: Money::parse("12.3456").expect("an amount"),
            }],
            runways: vec![Runway {
                currency: Currency::USD,
                card_starts_in: Month::of(as_of),
                tenths: 29,
                card: Money::ZERO,
            }],
        };
        let (state, rules) = (State::default(), Rules::current());
        let facts = Facts::new(&state, &[], foreseen, as_of, &rules);
        let told = |limits: &Limits| page(&facts, limits, &[], DateTime::UNIX_EPOCH);
        let limits = Limits {
            runway_below: Some(20),
            ..Limits::default()
        };
        let page = told(&limits);
        for sample in [
            "\ncredits_runway_months{currency=\"USD\"} 2.9\n",
            "\ncredits_unused_at_end{credit=\"C2\",currency=\"USD\"} 12.3456\n",
            "\ncredits_alert{kind=\"runway_below\"} 0\n",
        ] {
            assert!(page.contains(sample), "{page}");
        }
        assert!(!told(&Limits::default()).contains("credits_runway"));
    }

    #[test]
    fn what_stands_between_quotes_is_escaped() {
        let said = sample(&[("name", "a \\ \"b\"\nc")], 1);
        assert_eq!(said, r#"{name="a \\ \"b\"\nc"} 1"#);
    }
}
