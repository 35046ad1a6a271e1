//! Organisations and programs as a user meets them: what enters and leaves a pool, which offers an
//! account may redeem.

use serde_json::{Value, json};

use super::support::{Ledger, document};

pub(super) const MEMBER: &str = "444455556666";
pub(super) const PAYER: &str = "111122223333";

/// `C2`, 100.00 USD, and `C3`, 10.50 EUR, of the member; `C4` of the payer.
pub(super) fn prepared() -> Ledger {
    let ledger = Ledger::new();
    for line in [
        "grant --kind promotional --amount 100 --account 444455556666 --start 2026-01-01",
        "grant --kind promotional --amount 10.5 --currency EUR --account 444455556666 --start 2026-05-01",
        "grant --kind activate --amount 1000 --account 111122223333 --start 2026-01-01",
    ] {
        ledger.does(line);
    }
    ledger
}

fn entering(from: &str, credits: &[&str], amounts: &[(&str, &str)]) -> Value {
    let amounts = amounts
        .iter()
        .map(|(currency, amount)| json!({"currency": currency, "amount": amount}));
    json!({"payer": PAYER, "from": from, "amounts": amounts.collect::<Vec<_>>(), "credits": credits})
}

// ---- Pools ------------------------------------------------------------------------------------

#[test]
fn setting_a_payer_says_what_enters_its_pool_and_from_when_on() {
    let ledger = prepared();
    for (joined, from) in [
        ("2026-03-01", "2026-03"),
        ("2026-03-02", "2026-04"),
        ("2026-03-31", "2026-04"),
    ] {
        let line = format!("account set {MEMBER} --payer {PAYER} --joined {joined} --dry-run");
        assert_eq!(
            ledger.does(&line),
            format!(
                "account {MEMBER} would be recorded{}, sharing on\n\
                 10.50 EUR and 100.00 USD of C2, C3 enter the pool of {PAYER} from {from} on\n",
                if joined == "2026-03-31" {
                    ""
                } else {
                    ", member of 111122223333"
                }
            )
        );
        let expected = entering(from, &["C2", "C3"], &[("EUR", "10.50"), ("USD", "100.00")]);
        let answer = ledger.json(&line);
        assert_eq!(answer["enters_pool"], expected);
        assert_eq!(answer["leaves_pool"], Value::Null);
    }
    let answer = ledger.json(&format!("account set {MEMBER} --name Team"));
    assert_eq!(answer["enters_pool"], Value::Null);
}

#[test]
fn what_is_used_reserved_voided_or_ended_by_then_does_not_enter() {
    let ledger = prepared();
    for line in [
        "grant --kind promotional --amount 7 --account 444455556666 --start 2026-01-01 --end 2026-03-31 --exclude-service AmazonEC2",
        "grant --kind promotional --amount 9 --account 444455556666 --start 2026-01-01",
        "void C6 --reason mistaken",
        "grant --kind promotional --amount 11 --account 444455556666 --start 2026-01-01 --exclude-service AmazonEC2",
        "pause C8",
    ] {
        ledger.does(line);
    }
    ledger.applies(&document(MEMBER, "2026-02", "final", "1 AmazonEC2 37.25"));
    ledger.applies(&document(MEMBER, "2026-03", "estimated", "1 AmazonEC2 20"));
    let set = format!("account set {MEMBER} --payer {PAYER} --dry-run");
    let april = ledger.json(&format!("{set} --joined 2026-03-20"));
    // Of 100 57.25 is used or reserved; 7 end with March.
    let expected = entering(
        "2026-04",
        &["C2", "C3", "C8"],
        &[("EUR", "10.50"), ("USD", "53.75")],
    );
    assert_eq!(april["enters_pool"], expected);
}

#[test]
fn a_payer_that_joins_a_reseller_brings_its_members_credits_too() {
    let ledger = prepared();
    ledger.does(&format!(
        "account set {MEMBER} --payer {PAYER} --joined 2025-01-01"
    ));
    assert_eq!(
        ledger.does(&format!(
            "account set {PAYER} --payer reseller --joined 2026-04-01"
        )),
        "account 111122223333 recorded, sharing on\n\
         10.50 EUR and 1,100.00 USD of C2, C3, C4 enter the pool of reseller from 2026-04 on\n"
    );
    // A member that comes later enters the pool of the last payer.
    ledger.does("grant --kind earned --amount 5 --account late --start 2026-01-01");
    let answer = ledger.json(&format!(
        "account set late --payer {PAYER} --joined 2026-04-01"
    ));
    assert_eq!(answer["enters_pool"]["payer"], "reseller");
}

#[test]
fn who_does_not_share_brings_credits_for_its_own_charges_only() {
    let ledger = prepared();
    ledger.does(&format!("account set {MEMBER} --sharing off"));
    let said = ledger.does(&format!(
        "account set {MEMBER} --payer {PAYER} --joined 2026-03-01"
    ));
    let last = said.lines().last();
    assert_eq!(
        last,
        Some("sharing of 444455556666 is off: its credits pay its own charges only")
    );
}

#[test]
fn an_account_without_credits_brings_nothing() {
    let ledger = prepared();
    let line = format!("account set idle --payer {PAYER} --joined 2026-03-01");
    assert_eq!(
        ledger.does(&line),
        "account idle recorded, member of 111122223333, sharing on\n\
         nothing enters the pool of 111122223333 from 2026-03 on: no credit of idle has anything left\n"
    );
    assert_eq!(
        ledger.json(&line)["enters_pool"],
        entering("2026-03", &[], &[])
    );
}

#[test]
fn leaving_says_what_leaves_the_pool_and_moving_says_both() {
    let ledger = prepared();
    ledger.does(&format!(
        "account set {MEMBER} --payer {PAYER} --joined 2025-01-01"
    ));
    let leaving = format!("account set {MEMBER} --left 2026-03-31 --dry-run");
    assert_eq!(
        ledger.does(&leaving),
        "account 444455556666 would be recorded, member of 111122223333, sharing on\n\
         10.50 EUR and 100.00 USD of C2, C3 leave the pool of 111122223333 from 2026-04 on\n"
    );
    let answer = ledger.json(&leaving);
    let expected = entering(
        "2026-04",
        &["C2", "C3"],
        &[("EUR", "10.50"), ("USD", "100.00")],
    );
    assert_eq!(answer["leaves_pool"], expected);
    assert_eq!(answer["enters_pool"], Value::Null);
    assert_eq!(
        ledger.does(&format!(
            "account set {MEMBER} --payer other --joined 2026-03-10"
        )),
        "account 444455556666 recorded, member of other, sharing on\n\
         10.50 EUR and 100.00 USD of C2, C3 leave the pool of 111122223333 from 2026-04 on\n\
         10.50 EUR and 100.00 USD of C2, C3 enter the pool of other from 2026-04 on\n"
    );
}

#[test]
fn payers_that_lead_back_to_an_account_are_refused_with_the_chain() {
    let ledger = prepared();
    ledger.does("account set a --payer b --joined 2026-01-01");
    ledger.does("account set b --payer c --joined 2026-02-01");
    let before = ledger.bytes();
    let line = "--json account set c --payer a --joined 2026-01-15";
    let error = ledger.run(line).refused(3, "account_conflict");
    assert_eq!(
        error["message"],
        "account `c` would be its own payer on 2026-02-01: \
         `c` is a member of `a`, `a` of `b`, `b` of `c`"
    );
    assert_eq!(ledger.bytes(), before);
    // Apart in time they are none.
    ledger.does("account set a --left 2026-01-31");
    ledger.does("account set c --payer a --joined 2026-02-01");
    ledger.is_whole();
}

#[test]
fn a_credit_may_be_transferred_among_all_that_one_payer_is_billed_for() {
    let ledger = prepared();
    ledger.does(&format!(
        "account set {MEMBER} --payer {PAYER} --joined 2025-01-01"
    ));
    ledger.does(&format!(
        "account set {PAYER} --payer reseller --joined 2025-01-01"
    ));
    ledger.does("account set cousin --payer agency --joined 2025-01-01");
    let transfer = "--json transfer C2 --to cousin";
    ledger.run(transfer).refused(3, "not_transferable");
    ledger.does("account set agency --payer reseller --joined 2025-01-01");
    ledger.run(transfer).ok();
}

// ---- Attributes and offers --------------------------------------------------------------------

#[test]
fn an_attribute_recorded_by_mistake_is_taken_away_by_a_new_entry() {
    let ledger = prepared();
    ledger.does("account set m --attribute student --attribute startup");
    let kept = ledger.head();
    let answer = ledger.json("account set m --remove-attribute student");
    assert_eq!(answer["attributes"], json!(["startup"]));
    let before = ledger.json(&format!("account show m --at-entry {kept}"));
    assert_eq!(before["attributes"], json!(["startup", "student"]));
    ledger.is_whole();
    let both = "--json account set m --attribute a --remove-attribute a";
    ledger.run(both).refused(2, "bad_usage");
}

#[test]
fn attributes_that_nobody_asks_for_are_noted_with_what_was_meant() {
    let ledger = prepared();
    let note = |line: &str| ledger.run(line).ok().err;
    assert_eq!(
        note("account set m --attribute studnet"),
        "note: attribute `studnet` is taken as it is, no offer on record asks for it, did you mean `student`?\n"
    );
    assert_eq!(note("account set m --attribute student"), "");
    assert_eq!(
        note("account set m --remove-attribute studet"),
        "note: account `m` has no attribute `studet`, did you mean `student`?\n"
    );
    ledger
        .call("offer add -")
        .stdin(offers("guild", "wizard", "[]"))
        .run()
        .ok();
    assert_eq!(note("account set m --attribute wizard"), "");
}

/// Two offers: one for who has an attribute, in countries, and one that anybody may redeem once.
fn offers(id: &str, attribute: &str, countries: &str) -> String {
    let countries = if countries == "[]" { "null" } else { countries };
    format!(
        r#"{{"offers": [
        {{"id": "{id}", "name": "For few", "kind": "educational", "amount": "50", "currency": "USD",
          "redeem_by": "2026-06-30", "eligible": {{"attributes_any": ["{attribute}"], "countries": {countries}}},
          "limits": {{"redemptions": 2, "per_account": 1}}}},
        {{"id": "all", "name": "For all", "kind": "promotional", "amount": "5", "currency": "USD", "end_date": "2026-12-31",
          "limits": {{"redemptions": null, "per_account": 1}}}}]}}"#
    )
}

#[test]
fn an_account_shows_which_offers_it_may_redeem_and_what_is_missing_for_the_others() {
    let ledger = prepared();
    let file = offers("few", "student", r#"["DE", "FR"]"#);
    ledger.call("offer add -").stdin(&file).run().ok();
    let shown = |line: &str| {
        let answer = ledger.json(line);
        let offers = answer["offers"].as_array().expect("offers").clone();
        let rules = |offer: &Value| {
            let missing = offer["missing"]
                .as_array()
                .expect("what is missing")
                .clone();
            let rules: Vec<String> = missing.iter().map(|one| one["rule"].to_string()).collect();
            assert_eq!(offer["eligible"], missing.is_empty());
            format!(
                "{}: {}",
                offer["offer"].as_str().expect("an id"),
                rules.join(" ")
            )
            .replace('"', "")
        };
        offers.iter().map(rules).collect::<Vec<_>>()
    };
    let member = format!("account show {MEMBER}");
    assert_eq!(shown(&member), ["all: ", "few: attribute country"]);
    assert_eq!(
        ledger.does(&member).lines().skip(2).collect::<Vec<_>>(),
        [
            "eligible for all: For all",
            "not eligible for few, For few: it needs one of the attributes `student`; \
             it must be in one of the countries `DE`, `FR`",
        ]
    );
    ledger.does(&format!(
        "account set {MEMBER} --attribute student --country fr"
    ));
    assert_eq!(shown(&member), ["all: ", "few: "]);
    ledger.does("code add few ABCD-2222-0001 ABCD-2222-0002 ABCD-2222-0003");
    ledger.does(&format!("redeem ABCD-2222-0001 --account {MEMBER}"));
    assert_eq!(shown(&member), ["all: ", "few: limit_per_account"]);
    ledger.does("account set m --attribute student --country DE");
    ledger.does("redeem ABCD-2222-0002 --account m");
    assert_eq!(
        shown(&member),
        ["all: ", "few: limit_per_account limit_in_all"]
    );
    // As it was known, and as of another day.
    let entry = ledger.head() - 1;
    assert_eq!(
        shown(&format!("{member} --at-entry {entry}")),
        ["all: ", "few: limit_per_account"]
    );
    assert_eq!(
        shown(&format!("{member} --as-of 2026-07-01")),
        ["all: ", "few: closed limit_per_account limit_in_all"]
    );
    assert_eq!(
        shown(&format!("{member} --as-of 2027-01-01"))[0],
        "all: closed"
    );
    assert!(shown(&format!("{member} --as-of 2026-03-14")).is_empty());
}

#[test]
fn what_an_account_is_shown_to_lack_is_what_redeeming_is_refused_for() {
    let ledger = prepared();
    ledger
        .call("offer add -")
        .stdin(offers("few", "student", r#"["DE"]"#))
        .run()
        .ok();
    ledger.does("code add few CODE-0001 CODE-0002 CODE-0003");
    let steps = [
        (
            "account set m --name M",
            Some(("attribute", "not_eligible")),
        ),
        (
            "account set m --attribute student",
            Some(("country", "not_eligible")),
        ),
        ("account set m --country DE", None),
        (
            "redeem CODE-0001 --account m",
            Some(("limit_per_account", "limit_reached")),
        ),
    ];
    for (step, refused) in steps {
        ledger.does(step);
        let shown = ledger.json("account show m")["offers"][1].clone();
        let redeem = ledger.run("--json redeem CODE-0002 --account m --dry-run");
        match refused {
            None => {
                assert_eq!(shown["eligible"], true, "{step}");
                redeem.ok();
            }
            Some((rule, kind)) => {
                assert_eq!(shown["missing"][0]["rule"], rule, "{step}");
                redeem.refused(3, kind);
            }
        }
    }
    let closed = ledger
        .call("--json redeem CODE-0002 --account m")
        .today("2026-07-01");
    closed.run().refused(3, "offer_closed");
}

// ---- What is so already -----------------------------------------------------------------------

#[test]
fn an_account_set_as_it_is_records_nothing() {
    let ledger = prepared();
    let set = format!(
        "account set {MEMBER} --payer {PAYER} --joined 2026-03-01 --sharing off --country DE \
         --attribute startup --name Team --default"
    );
    ledger.does(&set);
    let head = ledger.head();
    for line in [
        set,
        // Since when it is a member is on record, and what is the default is.
        format!("account set {MEMBER} --payer {PAYER}"),
        format!("account set {MEMBER} --sharing off"),
        format!("account set {MEMBER}"),
    ] {
        let said = ledger.does(&line);
        assert!(said.contains(" is so already, "), "{line}: {said}");
        assert_eq!(ledger.head(), head, "{line}");
    }
    ledger.does(&format!("account set {MEMBER} --sharing on"));
    assert_eq!(ledger.head(), head + 1);
}

#[test]
fn a_later_day_of_joining_is_not_passed_over() {
    let ledger = prepared();
    ledger.does(&format!(
        "account set {MEMBER} --payer {PAYER} --joined 2026-02-01"
    ));
    let line = format!("--json account set {MEMBER} --payer {PAYER} --joined 2026-03-01");
    let error = ledger.run(&line).refused(3, "account_conflict");
    assert_eq!(
        error["message"],
        format!("account `{MEMBER}` is a member of `{PAYER}` since 2026-02-01")
    );
}

#[test]
fn whose_switch_keeps_a_credit_from_a_charge_is_said() {
    let ledger = prepared();
    ledger.does(&format!(
        "account set {MEMBER} --payer {PAYER} --joined 2025-01-01"
    ));
    ledger.does(&format!(
        "account set {MEMBER} --sharing off --on 2026-01-20"
    ));
    ledger.does("share C4 disabled --on 2026-01-20");
    let charges = format!("own AmazonEC2 5; other AmazonEC2 5 account={MEMBER}");
    ledger.applies(&document(PAYER, "2026-01", "final", &charges));
    let why = |charge: &str| {
        let explained = ledger.json(&format!("explain {PAYER}/2026-01 {charge}"));
        let not = explained["charges"][0]["not_paid_by"]
            .as_array()
            .expect("a list")
            .clone();
        let of = |rule: &str| not.iter().find(|one| one["rule"] == rule).cloned();
        of("sharing").expect("the rule")["detail"].clone()
    };
    let switch = format!("account {MEMBER} does not share on 2026-01-31");
    assert_eq!(why("own"), json!(switch));
    assert_eq!(why("other"), json!(switch));
    ledger.does(&format!(
        "account set {MEMBER} --sharing on --on 2026-01-21"
    ));
    ledger.does("replay --from 2026-01");
    assert_eq!(why("other"), json!(format!("is not shared with {MEMBER}")));
}
