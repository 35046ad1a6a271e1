//! What AWS says of its credits: `import get-credits`, allocation histories, `reconcile`.

use serde_json::{Value, json};

use super::support::{Ledger, Run, bill};

const PAYER: &str = "111122223333";
const MEMBER: &str = "444455556666";

/// An answer of `aws billing get-credits`, for those who need one.
pub(crate) const GET_CREDITS: &str = r#"{"credits": [{"creditId": "123456789", "accountId": "111122223333",
 "creditType": "Promotion", "initialAmount": {"currencyCode": "USD", "currencyAmount": "1000.00"},
 "remainingAmount": {"currencyCode": "USD", "currencyAmount": "740.50"}, "description": "AWS Activate Founders",
 "startDate": 1735689600.0, "endDate": 1798675200.0, "creditSharingType": "DEFAULT", "creditStatus": "ENABLED"}]}"#;

/// An answer of `aws billing get-credit-allocation-history`.
pub(crate) const HISTORY: &str = r#"{"creditAllocationHistoryList": [{"creditId": "123456789",
 "creditAmount": {"currencyCode": "USD", "currencyAmount": "-12.50"}, "description": "AWS Activate Founders",
 "accountId": "111122223333", "appliedServiceName": "AmazonEC2", "billingMonth": "2026-01", "isEstimatedBill": false}],
 "partialResults": false, "failedMonths": []}"#;

/// A credit as the API says it: 100 for EC2 and S3, 40 of it left, until the end of 2026.
fn credit(id: &str) -> Value {
    json!({
        "creditId": id, "accountId": PAYER, "creditType": "Promotion",
        "initialAmount": {"currencyCode": "USD", "currencyAmount": "100.00"},
        "remainingAmount": {"currencyCode": "USD", "currencyAmount": "40.25"},
        "estimatedAmount": {"currencyCode": "USD", "currencyAmount": "40.25"},
        "applicableProductNames": ["AmazonEC2", "AmazonS3"],
        "description": format!("Promo {id}"),
        "startDate": 1735689600.0, "endDate": 1798675200.0,
        "applicationType": "AFTER_DISCOUNTS", "shareableAccounts": [],
        "accountHasCreditSharingEnabled": true, "creditConsoleVisibility": "VISIBLE",
        "creditSharingType": "DEFAULT", "creditStatus": "ENABLED",
    })
}

/// With some members set.
fn with(mut credit: Value, members: Value) -> Value {
    for (name, value) in members.as_object().expect("members") {
        credit[name] = value.clone();
    }
    credit
}

fn usd(amount: &str) -> Value {
    json!({"currencyCode": "USD", "currencyAmount": amount})
}

fn answer(credits: &[Value]) -> String {
    json!({"credits": credits}).to_string()
}

fn import(ledger: &Ledger, document: &str) -> Run {
    ledger
        .call("--json import get-credits")
        .stdin(document)
        .run()
}

/// `OUTCOME WHAT…` of each credit.
fn outcomes(run: &Run) -> Vec<String> {
    let answer = run.json();
    let credits = answer["credits"].as_array().expect("credits").iter();
    credits
        .map(|credit| {
            let mut words = vec![credit["outcome"].as_str().expect("an outcome")];
            let changes = credit["changes"].as_array().expect("changes");
            words.extend(
                changes
                    .iter()
                    .map(|change| change["what"].as_str().expect("what")),
            );
            words.join(" ")
        })
        .collect()
}

// ---- import get-credits -----------------------------------------------------------------------

#[test]
fn a_credit_is_recorded_with_what_was_used_of_it_before_the_ledger_began() {
    let ledger = Ledger::new();
    let run = import(&ledger, &answer(&[credit("77")])).ok();
    assert_eq!(outcomes(&run), ["recorded"]);
    let recorded = ledger.json("show C2");
    for (key, expected) in [
        ("reference", json!("77")),
        ("name", json!("Promo 77")),
        ("account", json!(PAYER)),
        ("kind", json!("promotional")),
        ("initial_amount", json!("100.00")),
        ("used_amount", json!("59.75")),
        ("remaining_amount", json!("40.25")),
        ("start_date", json!("2025-01-01")),
        ("end_date", json!("2026-12-31")),
        ("services", json!(["AmazonEC2", "AmazonS3"])),
        ("stage", json!("after_discounts")),
        ("share", json!(["default"])),
        ("status", json!("active")),
    ] {
        assert_eq!(recorded[key], expected, "{key}");
    }
    ledger.is_whole();
}

#[test]
fn the_same_answer_again_changes_nothing() {
    let ledger = Ledger::new();
    let document = answer(&[credit("77"), credit("78")]);
    import(&ledger, &document).ok();
    let before = ledger.bytes();
    let run = import(&ledger, &document).ok();
    assert_eq!(outcomes(&run), ["unchanged", "unchanged"]);
    assert_eq!(ledger.bytes(), before);
}

#[test]
fn every_member_of_the_model_is_read() {
    let ledger = Ledger::new();
    let credits = [
        with(
            credit("1"),
            json!({
                "description": "AWS Activate Founders",
                "applicableProductNames": [],
                "applicationType": "BEFORE_CROSS_SERVICE_DISCOUNTS",
                "creditSharingType": "CUSTOM", "shareableAccounts": [MEMBER],
                "endDate": null,
            }),
        ),
        with(
            credit("2"),
            json!({
                "description": "Research grant", "creditType": "TrueUp",
                "creditSharingType": "DISABLED", "creditStatus": "DISABLED",
                "purchaseTypeApplications": ["OnDemand"],
                "startDate": "2025-02-01T00:30:00+01:00", "endDate": "2027-01-01T01:00:00+02:00",
                "exhaustDate": 1735689600,
            }),
        ),
        with(
            credit("3"),
            json!({
                "initialAmount": usd("-100"), "remainingAmount": usd("-40"),
                "estimatedAmount": usd("-30"), "accountId": MEMBER,
                "accountHasCreditSharingEnabled": false,
            }),
        ),
    ];
    import(&ledger, &answer(&credits)).ok();
    let listed = ledger.json("list");
    let of = |reference: &str| {
        let credits = listed["credits"].as_array().expect("credits").iter();
        let mut found = credits.filter(|credit| credit["reference"] == reference);
        found.next().expect("a credit").clone()
    };
    let activate = of("1");
    for (key, expected) in [
        ("kind", json!("activate")),
        ("services", Value::Null),
        ("end_date", Value::Null),
        ("stage", json!("before_discounts")),
        ("share", json!([MEMBER])),
    ] {
        assert_eq!(activate[key], expected, "{key}");
    }
    let research = of("2");
    for (key, expected) in [
        ("kind", json!("educational")),
        ("status", json!("paused")),
        ("share", json!(["disabled"])),
        ("categories", json!(["usage"])),
        // UTC days of the instants.
        ("start_date", json!("2025-01-31")),
        ("end_date", json!("2026-12-31")),
    ] {
        assert_eq!(research[key], expected, "{key}");
    }
    let negative = of("3");
    assert_eq!(negative["initial_amount"], "100.00");
    assert_eq!(negative["remaining_amount"], "40.00");
    assert_eq!(
        ledger.json(&format!("account show {MEMBER}"))["sharing"],
        false
    );
}

#[test]
fn several_pages_are_one_answer_however_they_are_put_together() {
    let (one, two) = (answer(&[credit("1")]), answer(&[credit("2"), credit("1")]));
    let list = json!([
        serde_json::from_str::<Value>(&one).expect("JSON"),
        serde_json::from_str::<Value>(&two).expect("JSON")
    ]);
    let bare = json!([credit("1"), credit("2")]);
    for document in [
        format!("{one}\n{two}\n"),
        list.to_string(),
        bare.to_string(),
    ] {
        let ledger = Ledger::new();
        let run = import(&ledger, &document).ok();
        assert_eq!(outcomes(&run), ["recorded", "recorded"], "{document}");
    }
    let ledger = Ledger::new();
    let (one, two) = (
        ledger.folder.file("1.json", &one),
        ledger.folder.file("2.json", &two),
    );
    ledger.does(&format!("import get-credits {one} {two}"));
    assert_eq!(
        ledger.json("list")["credits"].as_array().map(Vec::len),
        Some(2)
    );
}

#[test]
fn no_credits_are_an_answer_too() {
    let ledger = Ledger::new();
    let run = import(&ledger, &answer(&[])).ok();
    assert_eq!(run.json()["credits"], json!([]));
    assert!(!ledger.file().exists());
}

#[test]
fn what_changed_at_aws_is_recorded_or_said() {
    let ledger = Ledger::new();
    import(
        &ledger,
        &answer(&[credit("1"), credit("2"), credit("3"), credit("4")]),
    )
    .ok();
    ledger.does(&format!(
        "account set {MEMBER} --payer {PAYER} --joined 2025-01-01"
    ));
    let later = answer(&[
        with(credit("1"), json!({"creditStatus": "DISABLED"})),
        with(credit("2"), json!({"accountId": MEMBER})),
        with(credit("3"), json!({"remainingAmount": usd("12")})),
        with(
            credit("4"),
            json!({"endDate": 1830211200, "creditSharingType": "DISABLED"}),
        ),
    ]);
    let run = import(&ledger, &later).ok();
    assert_eq!(
        outcomes(&run),
        [
            "changed disabled",
            "changed transferred",
            "changed remaining",
            "changed shared end_date"
        ]
    );
    let answer = run.json();
    assert_eq!(
        answer["credits"][2]["changes"],
        json!([{"what": "remaining", "ours": "40.25", "provider": "12.00"}])
    );
    assert_eq!(
        answer["credits"][3]["changes"][1],
        json!({"what": "end_date", "ours": "2026-12-31", "provider": "2027-12-31"})
    );
    assert!(
        run.err.contains("`--replace` ends it and records it anew"),
        "{}",
        run.err
    );
    assert_eq!(ledger.json("show C2")["status"], "paused");
    assert_eq!(ledger.json("show C3")["account"], MEMBER);
    // What is only said stays as it is, and is said again.
    assert_eq!(ledger.json("show C4")["remaining_amount"], "40.25");
    let head = ledger.head();
    let again = import(&ledger, &later).ok();
    assert_eq!(
        outcomes(&again),
        [
            "unchanged",
            "unchanged",
            "changed remaining",
            "changed end_date"
        ]
    );
    assert_eq!(ledger.head(), head);
}

#[test]
fn a_credit_whose_terms_changed_is_recorded_anew_if_that_is_asked_for() {
    let ledger = Ledger::new();
    import(&ledger, &answer(&[credit("1")])).ok();
    let later = answer(&[with(credit("1"), json!({"endDate": 1830211200}))]);
    let run = ledger
        .call("--json import get-credits --replace")
        .stdin(&later)
        .run()
        .ok();
    assert_eq!(outcomes(&run), ["changed replaced end_date"]);
    assert_eq!(ledger.json("show C2")["status"], "voided");
    let new = ledger.json("show C4");
    assert_eq!(
        [
            &new["remaining_amount"],
            &new["end_date"],
            &new["reference"]
        ],
        ["40.25", "2027-12-31", "1"]
    );
    assert_eq!(outcomes(&import(&ledger, &later).ok()), ["unchanged"]);
    // It was one credit on any day.
    let before = ledger.json("balance --as-of 2026-02-28");
    assert_eq!(before["balances"][0]["initial"], "100.00");
}

#[test]
fn the_parts_of_a_split_credit_take_its_place() {
    let ledger = Ledger::new();
    let whole = json!({"initialAmount": usd("300"), "remainingAmount": usd("300"), "description": "MAP credit"});
    import(&ledger, &answer(&[with(credit("1"), whole.clone())])).ok();
    let part = |id: &str, name: &str, amount: &str| {
        with(
            credit(id),
            json!({"description": name, "initialAmount": usd(amount), "remainingAmount": usd(amount)}),
        )
    };
    let split = answer(&[
        with(
            with(credit("1"), whole),
            json!({"remainingAmount": usd("0")}),
        ),
        part("2", "MAP credit - 1/2", "100"),
        part("3", "MAP credit - 2/2", "200"),
    ]);
    let run = import(&ledger, &split).ok();
    assert_eq!(outcomes(&run), ["changed split", "recorded", "recorded"]);
    let balance = ledger.json("balance");
    let figure = |of: &str| balance["balances"][0][of].clone();
    // What was split off is counted once: as the worth of its parts.
    assert_eq!(
        [figure("initial"), figure("remaining")],
        ["300.00", "300.00"]
    );
    assert_eq!(outcomes(&import(&ledger, &split).ok()), ["unchanged"; 3]);
}

#[test]
fn parts_of_a_split_credit_keep_what_was_done_to_it_by_hand() {
    let ledger = Ledger::new();
    let of = |id: &str, name: &str, left: &str, status: &str| {
        with(
            credit(id),
            json!({"description": name, "initialAmount": usd("300"), "remainingAmount": usd(left), "creditStatus": status}),
        )
    };
    let part = |id: &str, name: &str, amount: &str, status: &str| {
        with(
            of(id, name, amount, status),
            json!({"initialAmount": usd(amount)}),
        )
    };
    import(&ledger, &answer(&[of("1", "Foo", "300", "ENABLED")])).ok();
    ledger.does("share C2 disabled");
    ledger.does("pause C2 --on 2026-03-10");
    let split = answer(&[
        of("1", "Foo", "0", "ENABLED"),
        part("2", "Foo - 1/2", "100", "ENABLED"),
        part("3", "Foo - 2/2", "200", "DISABLED"),
    ]);
    let run = import(&ledger, &split).ok();
    assert_eq!(outcomes(&run), ["changed split", "recorded", "recorded"]);
    for id in ["C5.1", "C5.2"] {
        let part = ledger.json(&format!("show {id}"));
        assert_eq!(part["status"], "paused", "{id}");
        assert_eq!(part["share"], json!(["disabled"]), "{id}");
        assert_eq!(part["split_from"], "C2", "{id}");
    }
    assert_eq!(outcomes(&import(&ledger, &split).ok()), ["unchanged"; 3]);
    ledger.is_whole();
}

#[test]
fn parts_split_off_here_are_those_that_the_provider_split_off_too() {
    let ledger = Ledger::new();
    let of = |id: &str, name: &str, initial: &str, left: &str| {
        with(
            credit(id),
            json!({"description": name, "initialAmount": usd(initial), "remainingAmount": usd(left)}),
        )
    };
    import(&ledger, &answer(&[of("1", "Whole", "600", "600")])).ok();
    ledger.does("split C2 250 350 --yes");
    let split = answer(&[
        of("1", "Whole", "600", "0"),
        of("2", "Whole - 1/2", "250", "250"),
        of("3", "Whole - 2/2", "350", "350"),
    ]);
    for _ in 0..2 {
        assert_eq!(outcomes(&import(&ledger, &split).ok()), ["unchanged"; 3]);
    }
    let balance = ledger.json("balance")["balances"][0]["remaining"].clone();
    assert_eq!(balance, "600.00");
}

#[test]
fn parts_with_names_of_their_own_are_known_by_what_they_are_worth() {
    let ledger = Ledger::new();
    let of = |id: &str, name: &str, initial: &str, left: &str| {
        with(
            credit(id),
            json!({"description": name, "initialAmount": usd(initial), "remainingAmount": usd(left)}),
        )
    };
    import(&ledger, &answer(&[of("1", "Whole", "600", "600")])).ok();
    let split = answer(&[
        of("1", "Whole", "600", "0"),
        of("2", "team a", "250", "250"),
        of("3", "team b", "350", "350"),
    ]);
    let run = import(&ledger, &split).ok();
    assert_eq!(outcomes(&run), ["changed split", "recorded", "recorded"]);
    let remaining = |line: &str| ledger.json(line)["balances"][0]["remaining"].clone();
    assert_eq!(remaining("balance"), "600.00");
    // Nor were there ever more than 600.
    assert_eq!(remaining("balance --as-of 2026-02-28"), "600.00");
    let whole = ledger.json("show C2");
    assert_eq!(
        [&whole["split_amount"], &whole["remaining_amount"]],
        ["600.00", "0.00"]
    );
    assert_eq!(ledger.json("show C3.2")["name"], "team b");
    assert_eq!(outcomes(&import(&ledger, &split).ok()), ["unchanged"; 3]);
    ledger.is_whole();
}

#[test]
fn parts_that_two_credits_could_have_been_split_into_are_not_guessed() {
    let ledger = Ledger::new();
    let of = |id: &str, left: &str| {
        with(
            credit(id),
            json!({"description": "Foo", "initialAmount": usd("500"), "remainingAmount": usd(left)}),
        )
    };
    import(&ledger, &answer(&[of("1", "500"), of("2", "500")])).ok();
    let part = with(
        credit("3"),
        json!({"description": "Foo - 1/2", "initialAmount": usd("100"), "remainingAmount": usd("100")}),
    );
    let run = import(&ledger, &answer(&[of("1", "400"), of("2", "400"), part])).ok();
    assert_eq!(
        outcomes(&run),
        ["changed remaining", "changed remaining", "recorded"]
    );
}

#[test]
fn what_was_done_here_by_hand_stays_while_aws_says_the_same() {
    let ledger = Ledger::new();
    let document = answer(&[credit("1")]);
    import(&ledger, &document).ok();
    ledger.does("pause C2");
    ledger.does(&format!("share C2 {MEMBER}"));
    assert_eq!(outcomes(&import(&ledger, &document).ok()), ["unchanged"]);
    assert_eq!(ledger.json("show C2")["status"], "paused");
    let disabled = answer(&[with(credit("1"), json!({"creditStatus": "DISABLED"}))]);
    assert_eq!(
        outcomes(&import(&ledger, &disabled).ok()),
        ["changed disabled"]
    );
    assert_eq!(
        outcomes(&import(&ledger, &document).ok()),
        ["changed enabled"]
    );
    assert_eq!(ledger.json("show C2")["status"], "active");
}

#[test]
fn another_name_and_other_purchase_types_are_changes() {
    let ledger = Ledger::new();
    import(&ledger, &answer(&[credit("1")])).ok();
    let later = with(
        credit("1"),
        json!({"description": "Renamed", "purchaseTypeApplications": ["Marketplace"]}),
    );
    let run = import(&ledger, &answer(&[later])).ok();
    assert_eq!(outcomes(&run), ["changed categories name"]);
}

#[test]
fn an_owner_that_does_not_share_never_did_as_far_as_is_known() {
    let ledger = Ledger::new();
    let private = with(
        credit("1"),
        json!({"accountHasCreditSharingEnabled": false}),
    );
    import(&ledger, &answer(&[private])).ok();
    let january = bill("2026-01", &format!("ec2 AmazonEC2 10 account={MEMBER}"));
    assert_eq!(ledger.applies(&january)["card_charge"], "10.00");
}

#[test]
fn a_credit_that_is_not_in_a_later_answer_is_pointed_out() {
    let ledger = Ledger::new();
    import(&ledger, &answer(&[credit("1"), credit("2")])).ok();
    let run = import(&ledger, &answer(&[credit("2")])).ok();
    assert!(
        run.err
            .contains("note: credit C2, Promo 1, is not in the answer"),
        "{}",
        run.err
    );
}

#[test]
fn what_an_import_prints_is_what_is_on_record() {
    let ledger = Ledger::new();
    let entries = [("77", "-9.75", "2026-01", false)];
    let file = ledger.folder.file("history.json", history(&entries));
    let answered = ledger
        .call(&format!(
            "--json import get-credits --history {file} --from 2026-01"
        ))
        .stdin(answer(&[credit("77")]))
        .run()
        .ok()
        .json();
    let one = &answered["credits"][0];
    assert_eq!(
        [&one["remaining_amount"], &one["provider_remaining_amount"]],
        ["50.00", "40.25"]
    );
    let entries = [("78", "-90", "2026-01", false)];
    let file = ledger.folder.file("history.json", history(&entries));
    let run = ledger
        .call(&format!(
            "--json import get-credits --history {file} --from 2026-01"
        ))
        .stdin(answer(&[credit("78")]))
        .run()
        .ok();
    assert!(
        run.err.contains("bills used more of credit C3"),
        "{}",
        run.err
    );
}

#[test]
fn bills_as_billed_before_a_credit_was_on_record_are_pointed_out() {
    let ledger = Ledger::new();
    let document = bill(
        "2026-01",
        "ec2 AmazonEC2 60; paid AmazonEC2 -15 category=credit description=Gift",
    );
    ledger.call("apply --as-billed").stdin(&document).run().ok();
    let gift = with(credit("1"), json!({"description": "Gift"}));
    let entries = [("1", "-15", "2026-01", false)];
    let file = ledger.folder.file("history.json", history(&entries));
    let run = ledger
        .call(&format!(
            "import get-credits --history {file} --from 2026-01"
        ))
        .stdin(answer(&[gift]))
        .run()
        .ok();
    assert!(
        run.err
            .contains("`credits replay --from 2026-01` books them on it"),
        "{}",
        run.err
    );
    ledger.does("replay --from 2026-01");
    assert_eq!(ledger.json("show C4")["remaining_amount"], "40.25");
}

#[test]
fn what_the_history_says_of_months_of_the_ledger_is_left_to_their_bills() {
    let ledger = Ledger::new();
    let history = history(&[
        ("77", "-20", "2025-12", false),
        ("77", "-9.75", "2026-01", false),
        ("77", "-5", "2026-02", true),
    ]);
    let file = ledger.folder.file("history.json", &history);
    ledger
        .call(&format!(
            "import get-credits --history {file} --from 2026-01"
        ))
        .stdin(answer(&[credit("77")]))
        .run()
        .ok();
    // 59.75 were used in all, 9.75 of it by the final bill of January.
    assert_eq!(ledger.json("show C2")["remaining_amount"], "50.00");
    ledger.applies(&bill("2026-01", "ec2 AmazonEC2 9.75"));
    let run = import(&ledger, &answer(&[credit("77")])).ok();
    assert_eq!(outcomes(&run), ["unchanged"]);
}

#[test]
fn faults_of_an_answer_are_named_with_their_path_and_nothing_is_recorded() {
    let ledger = Ledger::new();
    for (members, expected) in [
        (
            json!({"creditSharingType": "COST_CATEGORY_RULE", "costCategoryArn": "arn", "ruleName": "r"}),
            "credits[0].creditSharingType: credit `1` is shared by `COST_CATEGORY_RULE`, which is not supported",
        ),
        (
            json!({"creditSharingType": "GROUP"}),
            "credits[0].creditSharingType: credit `1` is shared by `GROUP`, which is not supported",
        ),
        (
            json!({"creditId": null}),
            "credits[0]: `creditId` is missing",
        ),
        (
            json!({"startDate": "soon"}),
            "credits[0].startDate: `soon` is not a date, dates are epoch seconds or ISO 8601 as in `2026-01-31T00:00:00Z`",
        ),
        (
            json!({"remainingAmount": {"currencyCode": "EUR", "currencyAmount": "1"}}),
            "credits[0].remainingAmount: `EUR` is not USD, in which the initial amount is",
        ),
        (
            json!({"remainingAmount": usd("-1")}),
            "credits[0].remainingAmount: `-1.00` has another sign than the initial amount",
        ),
        (
            json!({"initialAmount": usd("1,5")}),
            "credits[0].initialAmount.currencyAmount: `1,5` is not an amount",
        ),
        (
            json!({"creditStatus": "MAYBE"}),
            "credits[0].creditStatus: `\"MAYBE\"` is not `ENABLED` or `DISABLED`",
        ),
        (
            json!({"endDate": 1}),
            "credits[0].endDate: `1970-01-01` is before the start, `2025-01-01`",
        ),
        (
            json!({"purchaseTypeApplications": ["Moon"]}),
            "credits[0].purchaseTypeApplications: `Moon` is a purchase type that is not known, so what the credit may pay for is not",
        ),
        (
            json!({"accountId": ["x"]}),
            "credits[0].accountId: `[\"x\"]` is a list, expected a string",
        ),
    ] {
        let document = answer(&[with(credit("1"), members)]);
        let error = import(&ledger, &document).refused(2, "bad_input");
        let message = error["message"].as_str().expect("a message");
        assert_eq!(message, format!("cannot read stdin: {expected}"));
        assert!(!ledger.file().exists());
    }
    // All of them are said at once.
    let bad = with(credit("1"), json!({"creditStatus": "x", "startDate": "y"}));
    let error = import(&ledger, &answer(&[bad.clone(), bad])).refused(2, "bad_input");
    assert!(
        error["message"]
            .as_str()
            .expect("a message")
            .contains("4 faults"),
        "{error}"
    );
}

#[test]
fn a_credit_that_is_shared_in_a_way_not_supported_can_be_passed_over() {
    let ledger = Ledger::new();
    let shared = with(
        credit("1"),
        json!({"creditSharingType": "COST_CATEGORY_RULE"}),
    );
    let document = answer(&[shared, credit("2")]);
    let error = import(&ledger, &document).refused(2, "bad_input");
    assert!(
        error["hint"]
            .as_str()
            .expect("a hint")
            .starts_with("`--except 1` passes it over"),
        "{error}"
    );
    let run = ledger
        .call("--json import get-credits --except 1")
        .stdin(&document)
        .run()
        .ok();
    assert_eq!(outcomes(&run), ["recorded"]);
    assert!(
        run.err.contains("credit `1` was passed over"),
        "{}",
        run.err
    );
}

#[test]
fn a_page_that_names_a_next_one_is_not_all() {
    let ledger = Ledger::new();
    let mut page: Value = serde_json::from_str(&answer(&[credit("1")])).expect("JSON");
    page["nextToken"] = json!("x");
    import(&ledger, &page.to_string()).refused(2, "bad_input");
    let both = format!("{page}{}", answer(&[credit("2")]));
    assert_eq!(outcomes(&import(&ledger, &both).ok()), ["recorded"; 2]);
}

#[test]
fn two_credits_of_one_id_that_are_not_the_same_are_refused() {
    let ledger = Ledger::new();
    let other = with(credit("1"), json!({"remainingAmount": usd("1")}));
    let error = import(&ledger, &answer(&[credit("1"), other])).refused(2, "bad_input");
    assert_eq!(
        error["message"],
        "cannot read stdin: credits[1].creditId: credit `1` stands twice and says something else the second time"
    );
}

#[test]
fn members_that_are_new_to_the_model_are_passed_over_with_a_note() {
    let ledger = Ledger::new();
    let document = answer(&[with(credit("1"), json!({"newMember": {"a": 1}}))]);
    let run = import(&ledger, &document).ok();
    assert!(
        run.err
            .contains("note: stdin: members that are not known here were passed over: `newMember`"),
        "{}",
        run.err
    );
}

#[test]
fn an_answer_cut_at_any_byte_is_refused() {
    let ledger = Ledger::new();
    let document = answer(&[credit("1")]);
    for length in (0..document.len()).step_by(7) {
        import(&ledger, &document[..length]).refused(2, "bad_input");
    }
    for wrong in [
        "{}",
        "{\"accounts\": []}",
        "[1]",
        "\"credits\"",
        "7",
        "a,b\n1,2\n",
    ] {
        import(&ledger, wrong).refused(2, "bad_input");
    }
    assert!(!ledger.file().exists());
}

#[test]
fn a_credit_that_was_recorded_by_hand_is_pointed_out() {
    let ledger = Ledger::new();
    ledger.does(&format!(
        "grant --kind promotional --amount 100 --used 59.75 --account {PAYER} --start 2025-01-01 --end 2026-12-31"
    ));
    let run = import(&ledger, &answer(&[credit("77")])).ok();
    assert!(
        run.err
            .contains("note: credit C2, Promotional credit, looks like C3"),
        "{}",
        run.err
    );
}

// ---- The allocation history, and reconcile ----------------------------------------------------

/// Credit, amount, month, whether the bill is open; all of EC2 of the payer.
fn history(entries: &[(&str, &str, &str, bool)]) -> String {
    let entries = entries.iter().map(|(credit, amount, month, open)| {
        json!({
            "creditId": credit, "creditAmount": usd(amount), "description": "Promo",
            "accountId": PAYER, "appliedServiceName": "AmazonEC2",
            "billingMonth": month, "isEstimatedBill": open,
        })
    });
    json!({"creditAllocationHistoryList": entries.collect::<Vec<_>>(), "partialResults": false, "failedMonths": []})
        .to_string()
}

fn reconcile(ledger: &Ledger, document: &str) -> Run {
    ledger.call("--json reconcile -").stdin(document).run()
}

/// A ledger of credit 77, `C2`, of which January used 25 and February 30.
fn booked() -> Ledger {
    let ledger = Ledger::new();
    ledger.does(&format!(
        "grant --kind promotional --name Promo --amount 100 --account {PAYER} --start 2026-01-01 --reference 77"
    ));
    ledger.applies(&bill("2026-01", "ec2 AmazonEC2 25"));
    ledger.applies(&bill("2026-02", "ec2 AmazonEC2 30"));
    ledger
}

#[test]
fn a_history_that_says_what_the_ledger_says_agrees() {
    let ledger = booked();
    let run = reconcile(
        &ledger,
        &history(&[
            ("77", "-25", "2026-01", false),
            ("77", "-30", "2026-02", false),
        ]),
    )
    .ok();
    let answer = run.json();
    assert_eq!(
        answer["months"][0],
        json!({
            "month": "2026-01", "account": PAYER, "service": "AmazonEC2", "credit": "C2",
            "reference": null, "currency": "USD", "ours": "25.00", "provider": "25.00", "difference": "0.00",
            "over_credit": "0.00", "agrees": true,
        })
    );
    let summary = &answer["summary"];
    assert_eq!(
        [
            &summary["ours"],
            &summary["provider"],
            &summary["difference"],
            &summary["tolerance"]
        ],
        ["55.00", "55.00", "0.00", "0.000001"]
    );
}

#[test]
fn exactly_the_key_that_differs_is_named() {
    let ledger = booked();
    let document = history(&[
        ("77", "-25.00001", "2026-01", false),
        ("77", "-30.000001", "2026-02", false),
    ]);
    let run = reconcile(&ledger, &document).ends(1);
    let answer = run.json();
    let agrees = |at: usize| answer["months"][at]["agrees"].clone();
    assert_eq!([agrees(0), agrees(1)], [json!(false), json!(true)]);
    assert_eq!(answer["months"][0]["difference"], "-0.00001");
    assert_eq!(answer["summary"]["disagreements"], 1);
}

#[test]
fn a_month_that_one_side_does_not_know_disagrees() {
    let ledger = booked();
    ledger.applies(&bill("2026-03", "ec2 AmazonEC2 5"));
    let document = history(&[
        ("77", "-25", "2026-01", false),
        ("77", "-5", "2026-03", false),
    ]);
    let answer = reconcile(&ledger, &document).ends(1).json();
    let months: Vec<_> = answer["months"].as_array().expect("rows").iter().collect();
    assert_eq!(months.len(), 3);
    assert_eq!(
        [&months[1]["ours"], &months[1]["provider"]],
        ["30.00", "0.00"]
    );
}

#[test]
fn months_that_aws_failed_to_return_are_missing_and_never_zero() {
    let ledger = booked();
    let mut document: Value =
        serde_json::from_str(&history(&[("77", "-25", "2026-01", false)])).expect("JSON");
    document["partialResults"] = json!(true);
    document["failedMonths"] = json!(["2026-02"]);
    let run = reconcile(&ledger, &document.to_string()).ends(1);
    let answer = run.json();
    assert_eq!(answer["missing_months"], json!(["2026-02"]));
    assert_eq!(answer["months"].as_array().map(Vec::len), Some(1));
    let told = ledger
        .call("reconcile -")
        .stdin(document.to_string())
        .run()
        .ends(1);
    assert!(
        told.out
            .contains("2026-02 is missing: AWS failed to return it"),
        "{}",
        told.out
    );
}

#[test]
fn a_month_between_others_that_aws_failed_to_return_is_not_compared() {
    let ledger = booked();
    ledger.applies(&bill("2026-03", "ec2 AmazonEC2 5"));
    let entries = [
        ("77", "-25", "2026-01", false),
        ("77", "-5", "2026-03", false),
    ];
    let mut document: Value = serde_json::from_str(&history(&entries)).expect("JSON");
    document["partialResults"] = json!(true);
    document["failedMonths"] = json!(["2026-02"]);
    let answer = reconcile(&ledger, &document.to_string()).ends(1).json();
    let months: Vec<&Value> = answer["months"]
        .as_array()
        .expect("rows")
        .iter()
        .map(|row| &row["month"])
        .collect();
    assert_eq!(months, ["2026-01", "2026-03"]);
}

#[test]
fn what_was_taken_back_of_a_credit_counts_against_what_it_paid() {
    let ledger = booked();
    let document = history(&[
        ("77", "-31", "2026-01", false),
        ("77", "6", "2026-01", false),
        ("77", "-30", "2026-02", false),
    ]);
    reconcile(&ledger, &document).ok();
}

#[test]
fn a_history_of_either_sign_and_in_pages_is_read() {
    let ledger = booked();
    let positive = history(&[
        ("77", "25", "2026-01", false),
        ("77", "30", "2026-02", false),
    ]);
    let run = reconcile(&ledger, &positive).ok();
    assert!(
        run.err.contains("no amount of the history is below zero"),
        "{}",
        run.err
    );
    let mut first: Value =
        serde_json::from_str(&history(&[("77", "-25", "2026-01", false)])).expect("JSON");
    first["nextToken"] = json!("abc");
    let second = history(&[("77", "-30", "2026-02", false)]);
    reconcile(&ledger, &format!("{first}\n{second}")).ok();
    let error = reconcile(&ledger, &first.to_string()).refused(2, "bad_input");
    assert_eq!(
        error["message"],
        "the history has more pages, which are not among the documents"
    );
}

#[test]
fn services_are_compared_under_whatever_name_the_answer_has() {
    let ledger = booked();
    let document = history(&[
        ("77", "-25", "2026-01", false),
        ("77", "-30", "2026-02", false),
    ])
    .replace("AmazonEC2", "Amazon Elastic Compute Cloud");
    reconcile(&ledger, &document).ok();
    let credits = answer(&[with(
        credit("5"),
        json!({"applicableProductNames": ["Amazon Elastic Compute Cloud"]}),
    )]);
    import(&ledger, &credits).ok();
    let listed = ledger.json("list");
    let found = listed["credits"].as_array().expect("credits").iter();
    let mut found = found.filter(|credit| credit["reference"] == "5");
    assert_eq!(
        found.next().expect("a credit")["services"],
        json!(["AmazonEC2"])
    );
}

#[test]
fn an_id_that_is_not_on_record_is_another_credit_than_one_whose_id_is() {
    let ledger = booked();
    let document = history(&[("99", "-25", "2026-01", false)]);
    for document in [document.clone(), document.replace("Promo", "Other")] {
        let answer = reconcile(&ledger, &document).ends(1).json();
        let rows = answer["months"].as_array().expect("rows");
        let told = |at: usize| {
            [
                rows[at]["credit"].clone(),
                rows[at]["reference"].clone(),
                rows[at]["ours"].clone(),
                rows[at]["provider"].clone(),
            ]
        };
        assert_eq!(
            told(0),
            [json!("C2"), Value::Null, json!("25.00"), json!("0.00")]
        );
        assert_eq!(
            told(1),
            [Value::Null, json!("99"), json!("0.00"), json!("25.00")]
        );
    }
}

#[test]
fn a_credit_whose_id_nobody_recorded_is_compared_with_all_that_paid_its_service() {
    let ledger = Ledger::with_a_credit();
    ledger.applies(&bill("2026-01", "ec2 AmazonEC2 25"));
    let document = history(&[("99", "-25", "2026-01", false)]);
    let answer = reconcile(&ledger, &document).ok().json();
    assert_eq!(answer["months"][0]["credit"], Value::Null);
    assert_eq!(answer["months"][0]["ours"], "25.00");
}

#[test]
fn silence_is_no_agreement() {
    let ledger = booked();
    // Nothing could be compared.
    let run = reconcile(&ledger, &history(&[])).ends(1);
    assert!(
        run.err
            .contains("nothing of these documents could be compared"),
        "{}",
        run.err
    );
    // The month that is asked about is one that the history speaks of.
    let answer = ledger
        .call("--json reconcile - --month 2026-01")
        .stdin(history(&[]))
        .run()
        .ends(1)
        .json();
    assert_eq!(
        [
            &answer["months"][0]["ours"],
            &answer["months"][0]["provider"]
        ],
        ["25.00", "0.00"]
    );
    // What could not be compared is said.
    let one = history(&[("77", "-25", "2026-01", false)]);
    let answer = reconcile(&ledger, &one).ok().json();
    assert_eq!(
        answer["not_compared"],
        json!(["2026-02: credits paid here, the documents do not speak of it"])
    );
    // Something is missing, and it is not said what.
    let mut partial: Value = serde_json::from_str(&one).expect("JSON");
    partial["partialResults"] = json!(true);
    let answer = reconcile(&ledger, &partial.to_string()).ends(1).json();
    assert_eq!(answer["complete"], false);
    // A ledger that is not there agrees with nobody.
    Ledger::new()
        .run("--json reconcile")
        .refused(4, "no_ledger");
}

#[test]
fn months_before_the_first_bill_on_record_are_left_out() {
    let ledger = booked();
    let document = history(&[
        ("77", "-500", "2025-11", false),
        ("77", "-25", "2026-01", false),
        ("77", "-30", "2026-02", false),
    ]);
    let answer = reconcile(&ledger, &document).ok().json();
    assert_eq!(
        answer["not_compared"],
        json!(["2025-11: before the first bill on record"])
    );
}

#[test]
fn pages_in_several_files_are_one_history() {
    let ledger = booked();
    let mut first: Value =
        serde_json::from_str(&history(&[("77", "-25", "2026-01", false)])).expect("JSON");
    first["nextToken"] = json!("abc");
    let one = ledger.folder.file("1.json", first.to_string());
    let two = ledger
        .folder
        .file("2.json", history(&[("77", "-30", "2026-02", false)]));
    ledger.does(&format!("reconcile {one} {two}"));
}

#[test]
fn the_credit_rows_of_bills_on_record_are_reconciled_without_a_file() {
    let ledger = Ledger::new();
    ledger.does(&format!(
        "grant --kind promotional --name Gift --amount 100 --account {PAYER} --start 2026-01-01"
    ));
    let document = bill(
        "2026-01",
        "ec2 AmazonEC2 60; paid AmazonEC2 -15 category=credit description=Gift",
    );
    ledger.call("apply --as-billed").stdin(&document).run().ok();
    let answer = ledger.json("reconcile --invoice-total 45");
    assert_eq!(answer["summary"]["difference"], "0.00");
    assert_eq!(
        answer["bills"][0],
        json!({
            "bill": "111122223333/2026-01", "entry": 3, "charges_ours": "60.00",
            "charges_provider": "60.00", "provider_credits": "-15.00", "net": "45.00",
            "invoice_total": "45.00", "invoice_difference": "0.00", "agrees": true,
        })
    );
    let run = ledger.run("reconcile --invoice-total 45.01").ends(1);
    assert!(
        run.out
            .contains("45.00 net, 45.01 on the invoice, difference -0.01"),
        "{}",
        run.out
    );
    ledger
        .run("--json reconcile --month 2026-02 --invoice-total 1")
        .refused(2, "bad_usage");
}

#[test]
fn a_bill_that_is_not_on_record_or_has_other_charges_is_reported() {
    let ledger = Ledger::new();
    ledger.does(&format!(
        "grant --kind promotional --name Gift --amount 100 --account {PAYER} --start 2026-01-01"
    ));
    let rows = "ec2 AmazonEC2 60; paid AmazonEC2 -60 category=credit description=Gift";
    let run = ledger
        .call("reconcile -")
        .stdin(bill("2026-01", rows))
        .run()
        .ends(1);
    assert!(
        run.out
            .contains("bill 111122223333/2026-01 is not on record"),
        "{}",
        run.out
    );
    ledger.applies(&bill("2026-01", rows));
    ledger
        .call("reconcile -")
        .stdin(bill("2026-01", rows))
        .run()
        .ok();
    let other = rows.replace("AmazonEC2 60", "AmazonEC2 61");
    let run = ledger
        .call("reconcile -")
        .stdin(bill("2026-01", &other))
        .run()
        .ends(1);
    assert!(
        run.out.contains("has other charges on record"),
        "{}",
        run.out
    );
}

#[test]
fn two_documents_of_the_provider_that_say_different_things_are_named() {
    let ledger = Ledger::new();
    ledger.does(&format!(
        "grant --kind promotional --name Promo --amount 100 --account {PAYER} --start 2026-01-01 --reference 77"
    ));
    let document = bill(
        "2026-01",
        "ec2 AmazonEC2 60; paid AmazonEC2 -60 category=credit description=Promo",
    );
    ledger.applies(&document);
    let report = ledger.folder.file("report.json", &document);
    let same = ledger
        .folder
        .file("same.json", history(&[("77", "-60", "2026-01", false)]));
    let other = ledger
        .folder
        .file("other.json", history(&[("77", "-59", "2026-01", false)]));
    ledger.does(&format!("reconcile {report} {same}"));
    let run = ledger
        .run(&format!("--json reconcile {report} {other}"))
        .ends(1);
    assert_eq!(
        run.json()["provider_differs"],
        json!([{
            "month": "2026-01", "account": PAYER, "service": "AmazonEC2", "currency": "USD",
            "report": "60.00", "history": "59.00",
        }])
    );
}
