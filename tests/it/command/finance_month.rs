//! A finance lead's month: forty accounts share a credit, chargeback, a member that leaves, a closed
//! month.

use serde_json::{Value, json};

use super::story::play;
use super::support::Ledger;

const PAYER: &str = "111122223333";
const TEAMS: u32 = 40;
/// The team that leaves.
const LEAVING: u32 = 7;

fn team(number: u32) -> String {
    format!("2222333344{number:02}")
}

fn charge(account: &str, service: &str, category: &str, day: &str, cents: u32) -> Value {
    let amount = format!("{}.{:02}", cents / 100, cents % 100);
    json!({"account": account, "service": service, "category": category, "amount": amount, "start": day})
}

/// The payer's bill of a month: what each team consumed on a day, support and tax.
fn bill(month: &str, teams: impl Iterator<Item = u32>, day: &str, first: u32) -> String {
    let day = format!("{month}-{day}");
    let of_team = |number: u32| {
        let account = team(number);
        [
            charge(&account, "AmazonEC2", "usage", &day, first + 325 * number),
            charge(&account, "AmazonS3", "usage", &day, 110 + 40 * (number % 9)),
        ]
    };
    let mut charges: Vec<Value> = teams.flat_map(of_team).collect();
    charges.push(charge(PAYER, "AWSSupportBusiness", "support", &day, 10_000));
    charges.push(charge(PAYER, "AmazonEC2", "tax", &day, 4_256));
    document(PAYER, month, &charges)
}

fn document(payer: &str, month: &str, charges: &[Value]) -> String {
    json!({"account": payer, "month": month, "currency": "USD", "status": "final", "charges": charges})
        .to_string()
}

#[test]
fn a_finance_leads_month() {
    let ledger = Ledger::new();
    for number in 1..=TEAMS {
        let (account, name) = (team(number), format!("Team {number:02}"));
        ledger.does(&format!(
            "account set {account} --payer {PAYER} --joined 2025-01-01 --name '{name}'"
        ));
    }
    let all = || 1..=TEAMS;
    let file = |name: &str, text: String| ledger.folder.file(name, text);
    file("january.json", bill("2026-01", all(), "10", 500));
    file("january-again.json", bill("2026-01", all(), "10", 501));
    file("february.json", bill("2026-02", all(), "05", 400));
    let stay = all().filter(|number| *number != LEAVING);
    file("march.json", bill("2026-03", stay, "05", 450));
    let own = [charge(
        &team(LEAVING),
        "AmazonEC2",
        "usage",
        "2026-03-05",
        3_000,
    )];
    file(
        "team-07-march.json",
        document(&team(LEAVING), "2026-03", &own),
    );
    play(&ledger, "tests/transcripts/finance-month.md");
    ledger.is_whole();
}
