//! Names of services: whatever a document calls one, credits and charges of it meet.

use serde_json::Value;

use super::support::{Ledger, Run, bill};

const CUR: &str = "bill_payer_account_id,bill_billing_period_start_date,bill_invoice_id,line_item_usage_account_id,line_item_line_item_type,line_item_usage_start_date,line_item_product_code,line_item_unblended_cost,line_item_currency_code\n\
    111122223333,2026-02-01T00:00:00Z,1,111122223333,Usage,2026-02-02T00:00:00Z,Amazon Elastic Compute Cloud,1.5,USD\n\
    111122223333,2026-02-01T00:00:00Z,1,111122223333,Usage,2026-02-02T00:00:00Z,AmazonEC2,2,USD\n";

fn granted(service: &str) -> Ledger {
    let ledger = Ledger::new();
    let line = format!(
        "grant --kind promotional --amount 100 --account 111122223333 --start 2026-01-01 --service '{service}'"
    );
    assert_eq!(
        ledger.run(&line).ok().err.lines().count(),
        1,
        "only that the ledger was made"
    );
    ledger
}

fn applies(ledger: &Ledger, document: &str) -> Run {
    ledger.call("--json apply").stdin(document).run().ok()
}

/// The services of the charges of a statement and what the card pays.
fn told(run: &Run) -> String {
    let statement = run.json();
    let charges = statement["charges"].as_array().expect("a list");
    let services: Vec<&str> = charges
        .iter()
        .map(|charge| charge["service"].as_str().expect("text"))
        .collect();
    let card = statement["card_charge"].as_str().expect("text");
    format!("{}: {card}", services.join(" "))
}

#[test]
fn a_credit_for_any_name_of_a_service_pays_charges_of_that_service() {
    for name in [
        "EC2",
        "Amazon Elastic Compute Cloud - Compute",
        "amazon  ec2",
        "AmazonEC2",
    ] {
        let ledger = granted(name);
        let credit = ledger.json("show C2");
        assert_eq!(credit["services"], serde_json::json!(["AmazonEC2"]));
        let run = applies(
            &ledger,
            &bill("2026-01", "a AmazonEC2 5; b AmazonS3 3; c AWSELB 1"),
        );
        assert_eq!(told(&run), "AmazonEC2 AmazonS3 AWSELB: 4.00", "{name}");
        assert_eq!(run.err, "");
        ledger.is_whole();
    }
}

#[test]
fn a_charge_under_any_name_is_paid_and_spellings_of_one_service_are_one_charge() {
    let ledger = granted("AmazonEC2");
    let run = applies(&ledger, CUR);
    assert_eq!(told(&run), "AmazonEC2: 0.00");
    assert_eq!(run.json()["charges"][0]["count"], 2);
    assert!(!run.err.contains("is not known"), "{run:?}");
}

#[test]
fn excluded_services_offers_and_questions_take_any_name() {
    let ledger = Ledger::new();
    ledger.does("grant --kind promotional --amount 9 --account 1 --start 2026-01-01 --exclude-service ELB --exclude-service 'Amazon Elastic Load Balancing'");
    let journal = ledger.does("--json journal");
    assert!(journal.contains(r#"["AWSELB"]"#), "{journal}");
    let no = ledger
        .run("--json covers --service 'Elastic Load Balancing'")
        .ends(1);
    assert_eq!(no.json()["service"], "AWSELB");
    assert_eq!(no.err, "");
    let yes = ledger.json("covers --service ec2");
    assert_eq!(yes["service"], "AmazonEC2");
    let offer = r#"{"offers": [{"id": "o", "name": "n", "kind": "promotional", "amount": "5", "services": ["S3", "Amazon S3", "EKS"]}]}"#;
    ledger.folder.file("o.json", offer);
    ledger.does("redeem ABCD1234 --offer o.json");
    let offer = ledger.json("offer show o");
    assert_eq!(
        offer["services"],
        serde_json::json!(["AmazonEKS", "AmazonS3"])
    );
    let run = ledger.run("offer add o.json").ok();
    assert!(run.out.starts_with("offers already on record"), "{run:?}");
    assert_eq!(run.err, "");
    ledger.does("redeem WXYZ1234 --kind earned --amount 5 --service 'AWS Lambda'");
    assert!(ledger.does("--json journal").contains(r#"["AWSLambda"]"#));
    let turk = ledger.run("--json covers --service AWSMTurk").ends(1);
    assert_eq!(turk.json()["service"], "AmazonMTurk");
}

#[test]
fn a_name_that_nobody_knows_is_noted_once_for_each_command_and_matches_to_the_letter() {
    let ledger = Ledger::new();
    let run = ledger
        .run("grant --kind promotional --amount 9 --account 111122223333 --start 2026-01-01 --service SomeSoftware")
        .ok();
    let expected = "note: service `SomeSoftware` is not known and stands for itself\n\
         hint: `credits service alias 'SomeSoftware' SERVICE` makes one a name of a service, or of itself\n";
    assert!(run.err.ends_with(expected), "{}", run.err);
    let bills = bill("2026-01", "a SomeSoftware 5; b SomeSoftware 2")
        + &bill("2026-02", "c somesoftware 1; d SomeSoftware 1");
    let run = ledger.call("apply").stdin(bills).run().ok();
    let notes: Vec<&str> = run
        .err
        .lines()
        .filter(|line| line.contains("service"))
        .collect();
    assert_eq!(
        notes,
        [
            "note: service `SomeSoftware` is not known and stands for itself",
            "note: service `somesoftware` is not known and stands for itself",
            "hint: `credits service alias 'SomeSoftware' SERVICE` makes one a name of a service, or of itself",
        ]
    );
    assert_eq!(ledger.json("show C2")["remaining_amount"], "1.00");
    let run = ledger.run("--quiet service show Soft").ok();
    assert_eq!((run.out, run.err), (String::new(), String::new()));
}

#[test]
fn the_advice_about_a_name_is_a_line_for_the_shell() {
    let ledger = Ledger::with_a_credit();
    for (name, words) in [("it's", r"'it'\''s'"), ("-x", "-- '-x'")] {
        let args = ["service", "show", "--", name];
        let run = ledger.call_with(args).run().ok();
        let expected = format!("hint: `credits service alias {words} SERVICE`");
        assert!(run.err.contains(&expected), "{}", run.err);
    }
}

#[test]
fn twenty_names_that_nobody_knows_are_noted_and_the_others_counted() {
    let ledger = Ledger::with_a_credit();
    let charges: Vec<String> = (0..23).map(|at| format!("c{at} Xyz{at:02} 1")).collect();
    let run = ledger
        .call("apply")
        .stdin(bill("2026-01", &charges.join(";")))
        .run()
        .ok();
    let notes: Vec<&str> = run.err.lines().collect();
    assert_eq!(notes.len(), 22);
    assert_eq!(
        notes[19],
        "note: service `Xyz19` is not known and stands for itself"
    );
    assert_eq!(
        notes[20],
        "note: 3 more names of services are not known and stand for themselves"
    );
    assert!(notes[21].starts_with("hint: "), "{}", notes[21]);
}

#[test]
fn a_name_near_a_known_one_gets_a_suggestion_and_is_taken_as_it_is() {
    let ledger = Ledger::new();
    for (name, near) in [
        ("AmazonECC2", "AmazonEC2"),
        ("Amazon Simple Storage Servise", "AmazonS3"),
        ("lamda", "AWSLambda"),
        ("Elastic Load Balancer", "AWSELB"),
    ] {
        let line = format!(
            "grant --kind earned --amount 1 --account 1 --start 2026-01-01 --service '{name}'"
        );
        let run = ledger.run(&line).ok();
        let expected = format!(
            "note: service `{name}` is not known and stands for itself, did you mean `{near}`?"
        );
        assert!(run.err.contains(&expected), "{}", run.err);
        assert!(ledger.does("--json journal").contains(name));
    }
    for name in ["Amazon Foo", "AWSxy", "Some S3 thing", "S4"] {
        let run = ledger.run(&format!("service show '{name}'")).ok();
        assert!(!run.err.contains("did you mean"), "{}", run.err);
    }
}

#[test]
fn an_alias_counts_from_then_on_and_leaves_what_is_on_record_as_it_is() {
    let ledger = granted("EC2");
    let old = bill("2026-01", "a TeamCompute 5");
    assert_eq!(told(&applies(&ledger, &old)), "TeamCompute: 5.00");
    let before = ledger.does("--json journal");
    let statement = ledger.does("--json statement 111122223333/2026-01");
    let run = ledger.run("service alias TeamCompute ec2").ok();
    assert_eq!(
        run.out,
        "`TeamCompute` stands from now on for service AmazonEC2\n"
    );
    assert_eq!(run.err, "");
    let new = bill("2026-02", "a teamcompute 7");
    let run = applies(&ledger, &new);
    assert_eq!(told(&run), "AmazonEC2: 0.00");
    assert_eq!(run.err, "");
    // The journal only grew, and says so in words and in JSON.
    let journal = ledger.does("--json journal");
    assert!(journal.starts_with(&before));
    assert!(
        journal.contains(r#""kind":"service_aliased","version":1,"payload":{"alias":"TeamCompute","service":"AmazonEC2"}"#)
    );
    assert!(
        ledger
            .does("journal")
            .contains("`TeamCompute` stands for AmazonEC2")
    );
    let entry = |text: &str| -> Value { serde_json::from_str(text).expect("JSON") };
    let (old_one, new_one) = (
        entry(&statement),
        entry(&ledger.does("--json statement 111122223333/2026-01")),
    );
    assert_eq!(old_one["charges"], new_one["charges"]);
    // By the new meaning the old bill is another one, which a correction takes.
    let error = ledger
        .call("--json apply")
        .stdin(&old)
        .run()
        .refused(3, "bill_differs");
    assert!(error["message"].as_str().expect("text").contains("usage"));
    let amended = ledger
        .call("--json apply --amend")
        .stdin(&old)
        .run()
        .ok()
        .documents();
    assert_eq!(amended[0]["card_charge"], "0.00");
    ledger.is_whole();
}

#[test]
fn an_alias_again_changes_nothing_and_one_that_cannot_be_is_refused() {
    let ledger = Ledger::with_a_credit();
    ledger.does("service alias Soft EC2");
    let bytes = ledger.bytes();
    let run = ledger.run("service alias SOFT AmazonEC2").ok();
    assert_eq!(run.out, "`SOFT` stands for service AmazonEC2\n");
    assert_eq!(
        run.err,
        "note: `SOFT` was made an alias of service `AmazonEC2` in entry 3; nothing was recorded\n"
    );
    let run = ledger.run("service alias EC2 AmazonEC2").ok();
    assert_eq!(
        run.err,
        "note: `EC2` is a name of service `AmazonEC2` without an alias; nothing was recorded\n"
    );
    let error = ledger
        .run("--json service alias 'EC2 - Other' S3")
        .refused(3, "service_conflict");
    assert_eq!(
        error["message"],
        "`EC2 - Other` is a name of service `AmazonEC2` already"
    );
    assert_eq!(
        error["hint"],
        "`credits service show 'AmazonEC2'` shows what it is called"
    );
    ledger
        .run("--json service alias AmazonS3 EC2")
        .refused(3, "service_conflict");
    ledger.run("service alias '' EC2").ends(2);
    ledger.run("service alias Soft").ends(2);
    let run = ledger.run("service alias Soft S3 --dry-run").ok();
    assert_eq!(run.out, "`Soft` would stand for service AmazonS3\n");
    assert_eq!(ledger.bytes(), bytes);
    ledger.does("service alias Soft Soft");
    ledger.does("service alias Other Soft");
    let error = ledger
        .run("--json service alias Soft EC2")
        .refused(3, "service_conflict");
    assert_eq!(error["message"], "`Soft` is what alias `Other` stands for");
    ledger.is_whole();
}

#[test]
fn services_are_listed_and_found_by_any_name() {
    let ledger = Ledger::new();
    let list = ledger.json("service list");
    let services = list["services"].as_array().expect("a list");
    assert!(services.len() > 400);
    assert!(!ledger.home().exists());
    ledger.does("service alias 'Team compute' EC2");
    ledger.does("service alias Wares SomeSoftware");
    let found = ledger.json("service list --search 'TEAM  comp'");
    let found = &found["services"];
    assert_eq!(found.as_array().map(Vec::len), Some(1));
    assert_eq!(found[0]["service"], "AmazonEC2");
    assert_eq!(found[0]["name"], "Amazon Elastic Compute Cloud");
    assert_eq!(found[0]["provider"], "aws");
    assert_eq!(found[0]["aliases"], serde_json::json!(["Team compute"]));
    assert_eq!(found[0]["covered_by_default"], true);
    let others = found[0]["other_names"].to_string();
    assert!(others.contains("EC2 - Other"), "{others}");
    let own = ledger.json("service list --search somesoft");
    assert_eq!(own["services"][0]["service"], "SomeSoftware");
    assert_eq!(own["services"][0]["provider"], Value::Null);
    let table = ledger.does("service list --search registrar");
    assert_eq!(
        table,
        "services as of 2026-03-15, entry 3\n\
         service          name              provider  your aliases  covered by default  other names\n\
         AmazonRegistrar  Amazon Registrar  aws                     no                  Amazon Route 53 Domains, Route 53 Domains, Amazon Route 53 Domain Registration\n"
    );
    let csv = ledger.does("--format csv service list --search registrar");
    assert_eq!(csv.lines().count(), 2, "{csv}");
    assert!(
        ledger
            .does("service list --search qqq")
            .starts_with("no services")
    );
}

#[test]
fn what_a_name_means_is_shown_as_of_a_day_and_an_entry() {
    let ledger = Ledger::with_a_credit();
    let said = ledger.does("service show 'ec2 - other'");
    assert!(
        said.starts_with("asked         ec2 - other\nis            known\nservice       AmazonEC2\nname          Amazon Elastic Compute Cloud\nprovider      aws\nother names   "),
        "{said}"
    );
    assert!(
        said.ends_with("covered       yes, unless a credit says otherwise\n"),
        "{said}"
    );
    assert_eq!(
        ledger.json("service show AWSMTurk")["covered_by_default"],
        false
    );
    let run = ledger.run("--json service show Soft").ok();
    assert_eq!(run.json()["known_by"], Value::Null);
    assert_eq!(run.json()["service"], "Soft");
    assert!(
        run.err.starts_with("note: service `Soft` is not known"),
        "{run:?}"
    );
    ledger.does("service alias Soft EC2");
    let meant = |line: &str| ledger.json(line)["service"].clone();
    assert_eq!(meant("service show soft"), "AmazonEC2");
    assert_eq!(meant("service show soft --at-entry 2"), "soft");
    assert_eq!(meant("service show soft --as-of 2026-03-14"), "soft");
    assert_eq!(meant("service show soft --as-of 2026-03-15"), "AmazonEC2");
    assert_eq!(
        ledger.json("covers --service soft --at-entry 2")["service"],
        "soft"
    );
    assert_eq!(
        ledger.json("service show soft")["aliases"],
        serde_json::json!(["Soft"])
    );
}

#[test]
fn credits_and_offers_that_name_what_becomes_an_alias_are_said_in_a_rehearsal_too() {
    let ledger = Ledger::new();
    let grant = "grant --kind earned --amount 9 --account 111122223333 --start 2026-01-01";
    for scope in [
        "--service Soft",
        "--service soft --service EC2",
        "--service SOFT --service S3",
        "--exclude-service Soft",
        "--service Other",
        "--service Soft",
    ] {
        ledger.does(&format!("{grant} {scope}"));
    }
    ledger.does("void C7 --reason r");
    let offer = r#"{"offers": [
        {"id": "open", "name": "n", "kind": "earned", "amount": "5", "services": ["Soft"]},
        {"id": "shut", "name": "n", "kind": "earned", "amount": "5", "services": ["Soft"], "redeem_by": "2026-03-14"}]}"#;
    ledger.folder.file("o.json", offer);
    ledger.does("offer add o.json");
    let notes = [
        "note: credits C2, C4 name service `soft` and stay as recorded: charges that come under `soft` are of service `AmazonEC2`, which they do not pay",
        "note: credit C5 excludes service `soft` and stays as recorded: charges that come under `soft` are of service `AmazonEC2`, which it does not exclude",
        "note: offer `open` names service `soft` and stays as recorded: charges that come under `soft` are of service `AmazonEC2`, which it does not pay",
        "hint: `credits void C2 --reason TEXT`, then `credits grant` with its terms, for `--service 'AmazonEC2'` and what was left of it, records it anew",
        "hint: `credits offer add FILE` records the terms anew, by 'AmazonEC2' and under another id",
        "hint: `credits service alias 'soft' 'soft'` lets the name stand for itself again",
    ];
    let run = ledger.run("service alias soft EC2 --dry-run").ok();
    assert_eq!(run.err.lines().collect::<Vec<_>>(), notes[..5]);
    for _ in 0..2 {
        let run = ledger.run("service alias soft EC2").ok();
        assert!(run.err.ends_with(&(notes.join("\n") + "\n")), "{run:?}");
    }
    // What is said is so: of credits for services, only that which names the service itself pays.
    let bill = bill("2026-01", "a Soft 30");
    let statement = applies(&ledger, &bill).json();
    let paid = statement["charges"][0]["allocations"].as_array();
    let credits: Vec<&Value> = paid.expect("a list").iter().map(|a| &a["credit"]).collect();
    assert_eq!(credits, ["C3", "C5"]);
}

#[test]
fn a_credit_that_names_an_alias_in_other_letters_than_itself_is_said() {
    let ledger = granted_unknown("SOFT");
    let run = ledger.run("service alias Soft Soft").ok();
    assert!(
        run.err.starts_with(
            "note: credit C2 names service `Soft` and stays as recorded: charges that come under `Soft` are of service `Soft`, which it does not pay\n"
        ),
        "{run:?}"
    );
    let ledger = granted_unknown("Soft");
    assert_eq!(ledger.run("service alias Soft Soft").ok().err, "");
}

fn granted_unknown(service: &str) -> Ledger {
    let ledger = Ledger::new();
    ledger.does(&format!(
        "grant --kind earned --amount 9 --account 1 --start 2026-01-01 --service {service}"
    ));
    ledger
}

#[test]
fn an_alias_of_a_service_that_nobody_knows_gets_a_note() {
    let ledger = Ledger::with_a_credit();
    for dry_run in ["--dry-run", ""] {
        let line = format!("service alias 'Team compute' AmzonEC2 {dry_run}");
        assert_eq!(
            ledger.run(&line).ok().err,
            "note: service `AmzonEC2` is not known and stands for itself, did you mean `AmazonEC2`?\n\
             hint: `credits service alias 'Team compute' 'AmazonEC2'` makes it that one\n"
        );
    }
    assert_eq!(
        ledger.run("service alias Wares Software").ok().err,
        "note: service `Software` is not known and stands for itself\n\
         hint: `credits service list --search TEXT` finds services\n"
    );
    // The advice is a line for the shell, and a name that is said to be meant is known.
    ledger.does("service alias 'Team compute' 'AmazonEC2'");
    ledger.does("service alias Software Software");
    assert_eq!(ledger.run("service alias Goods software").ok().err, "");
}
