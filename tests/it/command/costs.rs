//! Answers of Cost Explorer as bills.

use serde_json::{Value, json};

use super::support::{Ledger, Run};

const PAYER: &str = "111122223333";

fn cost(keys: &[&str], amount: &str) -> Value {
    json!({"Keys": keys, "Metrics": {"UnblendedCost": {"Amount": amount, "Unit": "USD"}}})
}

/// An answer grouped by dimensions: of each period start, end, whether it is open, its groups.
fn answer(by: &[&str], periods: &[(&str, &str, bool, Vec<Value>)]) -> Value {
    let by = by
        .iter()
        .map(|key| json!({"Type": "DIMENSION", "Key": key}));
    let periods = periods.iter().map(|(start, end, open, groups)| {
        json!({
            "TimePeriod": {"Start": start, "End": end}, "Total": {},
            "Groups": groups, "Estimated": open,
        })
    });
    json!({
        "GroupDefinitions": by.collect::<Vec<_>>(),
        "ResultsByTime": periods.collect::<Vec<_>>(),
    })
}

/// January in one period.
fn january(by: &[&str], groups: Vec<Value>) -> Value {
    answer(by, &[("2026-01-01", "2026-02-01", false, groups)])
}

fn apply(ledger: &Ledger, flags: &str, document: &Value) -> Run {
    ledger
        .call(&format!("--json apply {flags}"))
        .stdin(document.to_string())
        .run()
}

/// `ACCOUNT SERVICE CATEGORY START AMOUNT` of each charge, sorted.
fn charges(statement: &Value) -> Vec<String> {
    let charges = statement["charges"].as_array().expect("charges").iter();
    let mut lines: Vec<String> = charges
        .map(|charge| {
            let text = |key: &str| charge[key].as_str().unwrap_or("-").to_owned();
            ["account", "service", "category", "start", "amount"]
                .map(text)
                .join(" ")
        })
        .collect();
    lines.sort();
    lines
}

#[test]
fn an_answer_by_service_and_record_type_is_a_bill() {
    let ledger = Ledger::new();
    let ec2 = "Amazon Elastic Compute Cloud - Compute";
    let s3 = "Amazon Simple Storage Service";
    let document = january(
        &["SERVICE", "RECORD_TYPE"],
        vec![
            cost(&[ec2, "Usage"], "60.5"),
            cost(&["EC2 - Other", "Usage"], "1E-3"),
            cost(&[ec2, "Recurring"], "10"),
            cost(&[s3, "Usage"], "4"),
            cost(&[s3, "Credit"], "-4"),
            cost(&["Tax", "Tax"], "3.25"),
            cost(&[s3, "SavingsPlanNegation"], "-1"),
            cost(&[s3, "Enterprise Discount Program Discount"], "-0.5"),
            cost(&[s3, "Fine"], "7"),
        ],
    );
    let run = apply(&ledger, &format!("--payer {PAYER}"), &document).ok();
    let statement = run.json();
    assert_eq!(
        charges(&statement),
        [
            "111122223333 AmazonEC2 recurring_fee - 10.00",
            "111122223333 AmazonEC2 usage - 60.501",
            "111122223333 AmazonS3 discount - -1.50",
            "111122223333 AmazonS3 other - 7.00",
            "111122223333 AmazonS3 usage - 4.00",
            "111122223333 Tax tax - 3.25",
        ]
    );
    assert_eq!(
        [&statement["status"], &statement["provider_credits"]],
        ["final", "-4.00"]
    );
    assert!(
        run.err.contains("record type `Fine` is not known"),
        "{}",
        run.err
    );
}

#[test]
fn an_answer_that_does_not_say_whether_credits_are_inside_is_refused_with_the_way_to_ask() {
    let ledger = Ledger::new();
    let document = january(&["SERVICE"], vec![cost(&["AWS Lambda"], "5")]);
    let error = apply(&ledger, &format!("--payer {PAYER}"), &document).refused(2, "gross_or_net");
    let hint = error["hint"].as_str().expect("a hint");
    assert!(hint.contains("Type=DIMENSION,Key=RECORD_TYPE"), "{hint}");
    assert!(hint.contains("--gross"), "{hint}");
    let statement = apply(&ledger, &format!("--gross --payer {PAYER}"), &document)
        .ok()
        .json();
    assert_eq!(charges(&statement), ["111122223333 AWSLambda usage - 5.00"]);
}

#[test]
fn the_payer_is_the_one_named_or_the_default_account() {
    let ledger = Ledger::new();
    let document = january(&["RECORD_TYPE"], vec![cost(&["Usage"], "5")]);
    let error = apply(&ledger, "", &document).refused(2, "bad_usage");
    assert!(
        error["hint"]
            .as_str()
            .expect("a hint")
            .contains("--payer ID"),
        "{error}"
    );
    ledger.does("account set 444455556666 --default");
    let statement = apply(&ledger, "", &document).ok().json();
    assert_eq!(statement["bill"], "444455556666/2026-01");
    assert_eq!(charges(&statement), ["444455556666 Unknown usage - 5.00"]);
}

#[test]
fn days_are_the_days_of_usage_and_several_months_make_several_bills() {
    let ledger = Ledger::new();
    let day = |start: &str, end: &str, open| {
        let groups = vec![
            cost(&["444455556666", "Usage"], "1"),
            cost(&["111122223333", "Usage"], "2"),
        ];
        (start.to_owned(), end.to_owned(), open, groups)
    };
    let mut days: Vec<_> = (1..=31)
        .map(|at| {
            let end = if at == 31 {
                "2026-02-01".to_owned()
            } else {
                format!("2026-01-{:02}", at + 1)
            };
            day(&format!("2026-01-{at:02}"), &end, false)
        })
        .collect();
    days.push(day("2026-02-01", "2026-02-02", true));
    let periods: Vec<_> = days
        .iter()
        .map(|(start, end, open, groups)| (start.as_str(), end.as_str(), *open, groups.clone()))
        .collect();
    let document = answer(&["LINKED_ACCOUNT", "RECORD_TYPE"], &periods);
    let run = apply(&ledger, &format!("--payer {PAYER}"), &document).ok();
    let bills = run.documents();
    assert_eq!(bills.len(), 2);
    let told = |bill: &Value| {
        format!(
            "{} {} {}",
            bill["month"], bill["status"], bill["charges_total"]
        )
    };
    assert_eq!(told(&bills[0]), "\"2026-01\" \"final\" \"93.00\"");
    assert_eq!(told(&bills[1]), "\"2026-02\" \"estimated\" \"3.00\"");
    assert_eq!(charges(&bills[0]).len(), 62);
    assert_eq!(
        charges(&bills[1]),
        [
            "111122223333 Unknown usage 2026-02-01 2.00",
            "444455556666 Unknown usage 2026-02-01 1.00"
        ]
    );
}

#[test]
fn a_month_of_which_days_are_missing_is_an_estimate() {
    let ledger = Ledger::new();
    let document = answer(
        &["RECORD_TYPE"],
        &[(
            "2026-01-01",
            "2026-01-31",
            false,
            vec![cost(&["Usage"], "5")],
        )],
    );
    let run = apply(&ledger, &format!("--payer {PAYER}"), &document).ok();
    assert_eq!(run.json()["status"], "estimated");
    assert!(
        run.err.contains("not every day of 2026-01 is there"),
        "{}",
        run.err
    );
}

/// The days of January, each with these groups.
fn january_by_day(groups: impl Fn(u32) -> Vec<Value>) -> Value {
    let days = (1..=31).map(|at| {
        let end = match at {
            31 => "2026-02-01".to_owned(),
            at => format!("2026-01-{:02}", at + 1),
        };
        (format!("2026-01-{at:02}"), end, groups(at))
    });
    let days: Vec<(String, String, Vec<Value>)> = days.collect();
    let periods = days
        .iter()
        .map(|(start, end, groups)| (start.as_str(), end.as_str(), false, groups.clone()));
    answer(&["SERVICE", "RECORD_TYPE"], &periods.collect::<Vec<_>>())
}

#[test]
fn a_day_on_which_nothing_was_used_is_there_and_says_whether_it_is_closed() {
    let ledger = Ledger::new();
    let one_day = |at| match at {
        5 => vec![cost(&["AWS Lambda", "Usage"], "5")],
        _ => Vec::new(),
    };
    let mut document = january_by_day(one_day);
    let dry = format!("--dry-run --payer {PAYER}");
    let run = apply(&ledger, &dry, &document).ok();
    assert_eq!(run.json()["status"], "final");
    assert_eq!(run.err, "");
    document["ResultsByTime"][30]["Estimated"] = json!(true);
    let run = apply(&ledger, &dry, &document).ok();
    assert_eq!(run.json()["status"], "estimated");
    assert_eq!(run.err, "");
    document["ResultsByTime"]
        .as_array_mut()
        .expect("days")
        .pop();
    let run = apply(&ledger, &dry, &document).ok();
    assert_eq!(run.json()["status"], "estimated");
    assert!(
        run.err.contains("not every day of 2026-01 is there"),
        "{}",
        run.err
    );
}

#[test]
fn days_that_stand_twice_are_refused_and_not_added_up() {
    let ledger = Ledger::new();
    let days = january_by_day(|_| {
        vec![
            cost(&["AWS Lambda", "Usage"], "1"),
            cost(&["AWS Glue", "Usage"], "2"),
        ]
    });
    let mut again = days.clone();
    again["ResponseMetadata"] = json!({"RequestId": "another"});
    let whole = january(
        &["SERVICE", "RECORD_TYPE"],
        vec![cost(&["AWS Lambda", "Usage"], "31")],
    );
    let otherwise = january(
        &["LINKED_ACCOUNT", "RECORD_TYPE"],
        vec![cost(&[PAYER, "Usage"], "31")],
    );
    let same_twice = january(
        &["SERVICE", "RECORD_TYPE"],
        vec![
            cost(&["AWS Lambda", "Usage"], "1"),
            cost(&["AWS Lambda", "Usage"], "1"),
        ],
    );
    let other_groups = january_by_day(|_| vec![cost(&["AWS Lambda", "Tax"], "1")]);
    let file = |name: &str, document: &Value| ledger.folder.file(name, document.to_string());
    file("days.json", &days);
    file("again.json", &again);
    file("whole.json", &whole);
    file("otherwise.json", &otherwise);
    file("same.json", &same_twice);
    file("other.json", &other_groups);
    for (files, expected) in [
        (
            "days.json again.json",
            "cannot read `again.json`: ResultsByTime[0].Groups[0].Metrics: days stand twice: \
             `2026-01-01` to `2026-01-02` and 30 more periods, with the same groups, in `days.json` too",
        ),
        (
            "days.json whole.json",
            "cannot read `whole.json`: ResultsByTime[0]: days stand twice: `2026-01-01` to `2026-02-01`, \
             overlapping `2026-01-31` to `2026-02-01` in `days.json`",
        ),
        (
            "whole.json days.json",
            "cannot read `days.json`: ResultsByTime[0]: days stand twice: `2026-01-01` to `2026-01-02` \
             and 30 more periods, overlapping `2026-01-01` to `2026-02-01` in `whole.json`",
        ),
        (
            "whole.json otherwise.json",
            "cannot read `otherwise.json`: ResultsByTime[0]: days stand twice: `2026-01-01` to `2026-02-01`, \
             grouped by something else before in `whole.json`",
        ),
        (
            "same.json",
            "cannot read `same.json`: ResultsByTime[0].Groups[1].Metrics: days stand twice: \
             `2026-01-01` to `2026-02-01`, with the same groups",
        ),
    ] {
        let run = ledger.run(&format!("--json apply --payer {PAYER} {files}"));
        assert_eq!(run.refused(2, "bad_input")["message"], expected, "{files}");
    }
    let line = format!("apply --dry-run --payer {PAYER} days.json other.json");
    assert_eq!(ledger.json(&line)["charges_total"], "124.00");
}

#[test]
fn the_hours_of_a_day_are_added_up() {
    let ledger = Ledger::new();
    let hour = |at: u32| match at {
        24 => "2026-01-06T00:00:00Z".to_owned(),
        at => format!("2026-01-05T{at:02}:00:00Z"),
    };
    let hours: Vec<(String, String)> = (0..24).map(|at| (hour(at), hour(at + 1))).collect();
    let periods = hours.iter().map(|(start, end)| {
        let groups = vec![cost(&["AWS Lambda", "Usage"], "0.5")];
        (start.as_str(), end.as_str(), false, groups)
    });
    let mut periods: Vec<_> = periods.collect();
    let by = ["SERVICE", "RECORD_TYPE"];
    let flags = format!("--dry-run --payer {PAYER}");
    let statement = apply(&ledger, &flags, &answer(&by, &periods)).ok().json();
    assert_eq!(
        charges(&statement),
        ["111122223333 AWSLambda usage 2026-01-05 12.00"]
    );
    periods.push((
        "2026-01-05T07:30:00Z",
        "2026-01-05T08:30:00Z",
        false,
        Vec::new(),
    ));
    let error = apply(&ledger, &flags, &answer(&by, &periods)).refused(2, "bad_input");
    assert_eq!(
        error["message"],
        "cannot read stdin: ResultsByTime[24]: days stand twice: `2026-01-05T07:30:00Z` to `2026-01-05T08:30:00Z`, \
         overlapping `2026-01-05T08:00:00Z` to `2026-01-05T09:00:00Z`"
    );
}

#[test]
fn a_service_that_is_not_known_is_noted_and_no_name_to_alias() {
    let ledger = Ledger::new();
    let document = january(&["RECORD_TYPE"], vec![cost(&["Usage"], "5")]);
    let run = apply(&ledger, &format!("--dry-run --payer {PAYER}"), &document).ok();
    assert_eq!(
        run.err,
        "note: stdin: services are not known, since the answer is not grouped by `SERVICE`\n"
    );
}

#[test]
fn a_month_of_zeros_is_said_to_be_one() {
    let ledger = Ledger::new();
    let groups = || {
        vec![
            cost(&["AWS Lambda", "Usage"], "0"),
            cost(&["AWS Glue", "Usage"], "0.0"),
        ]
    };
    let document = january(&["SERVICE", "RECORD_TYPE"], groups());
    let run = apply(&ledger, &format!("--dry-run --payer {PAYER}"), &document).ok();
    assert_eq!(run.json()["charges_total"], "0.00");
    assert_eq!(
        run.err,
        "note: bill 111122223333/2026-01: every amount is zero, the answer says that nothing was charged\n"
    );
}

#[test]
fn several_pages_and_documents_make_one_bill() {
    let ledger = Ledger::new();
    let mut first = january(
        &["SERVICE", "RECORD_TYPE"],
        vec![cost(&["AWS Lambda", "Usage"], "5")],
    );
    first["NextPageToken"] = json!("x");
    let second = january(
        &["SERVICE", "RECORD_TYPE"],
        vec![cost(&["AWS Glue", "Usage"], "6")],
    );
    let (one, two) = (
        ledger.folder.file("1.json", first.to_string()),
        ledger.folder.file("2.json", second.to_string()),
    );
    let statement = ledger.json(&format!("apply --dry-run --payer {PAYER} {one} {two}"));
    assert_eq!(statement["charges_total"], "11.00");
    let both = ledger
        .call(&format!("--json apply --payer {PAYER}"))
        .stdin(format!("{first}\n{second}"))
        .run()
        .ok()
        .json();
    assert_eq!(both["charges_total"], "11.00");
    let error = apply(&ledger, &format!("--payer {PAYER}"), &first).refused(2, "bad_input");
    assert!(
        error["message"]
            .as_str()
            .expect("a message")
            .contains("the answer has more pages, which are not here"),
        "{error}"
    );
}

#[test]
fn an_answer_without_groups_has_its_totals() {
    let ledger = Ledger::new();
    let document = json!({"ResultsByTime": [{
        "TimePeriod": {"Start": "2026-01-01", "End": "2026-02-01"}, "Groups": [], "Estimated": false,
        "Total": {"UnblendedCost": {"Amount": "12.5", "Unit": "USD"}},
    }]});
    apply(&ledger, &format!("--payer {PAYER}"), &document).refused(2, "gross_or_net");
    let statement = apply(&ledger, &format!("--gross --payer {PAYER}"), &document)
        .ok()
        .json();
    assert_eq!(charges(&statement), ["111122223333 Unknown usage - 12.50"]);
}

#[test]
fn faults_of_an_answer_are_named_with_their_path() {
    let ledger = Ledger::new();
    let good = || january(&["RECORD_TYPE"], vec![cost(&["Usage"], "5")]);
    let mut cases = Vec::new();
    let mut case = |change: &dyn Fn(&mut Value), expected: &'static str| {
        let mut document = good();
        change(&mut document);
        cases.push((document, expected));
    };
    case(
        &|d| {
            d["ResultsByTime"][0]["Groups"][0]["Metrics"] =
                json!({"AmortizedCost": {"Amount": "1", "Unit": "USD"}})
        },
        "ResultsByTime[0].Groups[0].Metrics: no metric `UnblendedCost`, there is `AmortizedCost`",
    );
    case(
        &|d| d["ResultsByTime"][0]["Groups"][0]["Keys"] = json!(["a", "b"]),
        "ResultsByTime[0].Groups[0].Keys: 2 keys, the answer is grouped by 1",
    );
    case(
        &|d| d["ResultsByTime"][0]["TimePeriod"]["End"] = json!("2026-03-05"),
        "ResultsByTime[0].TimePeriod: `2026-01-01` to `2026-03-05` is in several months, bills are of one",
    );
    case(
        &|d| {
            d["ResultsByTime"][0]["Groups"][0]["Metrics"]["UnblendedCost"]["Amount"] = json!("1,5");
        },
        "ResultsByTime[0].Groups[0].Metrics.UnblendedCost.Amount: `1,5` is not an amount",
    );
    case(
        &|d| d["ResultsByTime"][0]["Groups"][0]["Metrics"]["UnblendedCost"]["Unit"] = json!("N/A"),
        "ResultsByTime[0].Groups[0].Metrics.UnblendedCost.Unit: `N/A` is not a currency, currencies are ISO 4217 codes as in `USD`",
    );
    for (document, expected) in cases {
        let error = apply(&ledger, &format!("--payer {PAYER}"), &document).refused(2, "bad_input");
        let message = error["message"].as_str().expect("a message");
        assert_eq!(message, format!("cannot read stdin: {expected}"));
    }
    assert!(!ledger.file().exists());
}
