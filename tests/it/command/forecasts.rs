//! `forecast`: when credits run out or lapse, what the card will pay, and what if.

use serde_json::{Value, json};

use super::support::{Ledger, MEMBER, PAYER, bill, document, estimate};

/// What a forecast on a day answers.
#[track_caller]
fn foresees(ledger: &Ledger, today: &str, line: &str) -> Value {
    let line = format!("--json forecast {line}");
    ledger.call(&line).today(today).run().ok().json()
}

/// The month of a forecast.
#[track_caller]
fn month<'a>(forecast: &'a Value, month: &str) -> &'a Value {
    let months = forecast["months"].as_array().expect("months");
    let found = months.iter().find(|ahead| ahead["month"] == month);
    found.unwrap_or_else(|| panic!("{month} is not in {forecast}"))
}

/// Charges, credits and card of a month.
#[track_caller]
fn comes_to(forecast: &Value, of: &str, expected: [&str; 3]) {
    let month = month(forecast, of);
    let keys = ["charges", "credits_applied", "card_charge"];
    assert_eq!(keys.map(|key| &month[key]), expected, "{month}");
}

/// A credit of 1,000 from January on, and the bills of January and February.
fn two_months() -> Ledger {
    let ledger = Ledger::new();
    ledger.does("grant --kind activate --amount 1000 --account 111122223333 --start 2026-01-01 --end 2026-12-31");
    ledger.applies(&bill("2026-01", "a AmazonEC2 300"));
    ledger.applies(&bill("2026-02", "a AmazonEC2 300"));
    ledger
}

#[test]
fn one_month_makes_a_flat_forecast_and_that_is_said() {
    let ledger = Ledger::with_a_credit();
    ledger.applies(&bill("2026-02", "a AmazonEC2 30; b AmazonS3 5"));
    let forecast = foresees(&ledger, "2026-03-01", "");
    assert_eq!(forecast["method"], "flat");
    comes_to(&forecast, "2026-03", ["35.00", "35.00", "0.00"]);
    comes_to(&forecast, "2026-04", ["35.00", "30.00", "5.00"]);
    comes_to(&forecast, "2026-05", ["35.00", "0.00", "35.00"]);
    let told = ledger.call("forecast").today("2026-03-01").run().ok().out;
    assert!(told.contains("from one month of bills"), "{told}");
    assert!(
        told.contains("flat: one month says nothing of a change"),
        "{told}"
    );
}

#[test]
fn it_says_the_month_in_which_a_credit_is_used_up_and_the_card_starts() {
    let ledger = two_months();
    let forecast = foresees(&ledger, "2026-02-28", "");
    comes_to(&forecast, "2026-03", ["300.00", "300.00", "0.00"]);
    comes_to(&forecast, "2026-04", ["300.00", "100.00", "200.00"]);
    assert_eq!(forecast["card_starts_in"], "2026-04");
    assert_eq!(forecast["card_at_start"], "200.00");
    // One whole month and a third of the next.
    assert_eq!(forecast["runway_months"], "1.3");
    let credit = &forecast["credits"][0];
    assert_eq!(credit["credit"], "C2");
    assert_eq!(credit["exhausted_in"], "2026-04");
    assert_eq!(credit["ends_on"], "2026-12-31");
    assert_eq!(credit["unused_at_end"], "0.00");
    // Half a month later there is half a month less.
    let later = foresees(&ledger, "2026-03-15", "");
    assert_eq!(later["runway_months"], "0.8");
}

#[test]
fn it_says_how_much_of_a_credit_lapses_and_the_card_starts_after_it() {
    let ledger = Ledger::new();
    ledger.does("grant --kind activate --amount 1000 --account 111122223333 --start 2026-01-01 --end 2026-05-31");
    ledger.applies(&bill("2026-01", "a AmazonEC2 100"));
    ledger.applies(&bill("2026-02", "a AmazonEC2 100"));
    let forecast = foresees(&ledger, "2026-03-01", "");
    let credit = &forecast["credits"][0];
    assert_eq!(credit["exhausted_in"], Value::Null);
    assert_eq!(credit["unused_at_end"], "500.00");
    assert_eq!(forecast["card_starts_in"], "2026-06");
    assert_eq!(month(&forecast, "2026-04")["credits_left"], "600.00");
    assert_eq!(month(&forecast, "2026-05")["credits_left"], "0.00");
    let told = ledger.call("forecast").today("2026-03-01").run().ok().out;
    let line = "C2 AWS Activate credit: ends on 2026-05-31 with 500.00 USD unused";
    assert!(told.contains(line), "{told}");
}

#[test]
fn what_no_credit_covers_today_does_not_start_the_card() {
    let ledger = Ledger::new();
    ledger.does("grant --kind promotional --amount 1000 --account 111122223333 --start 2026-01-01 --service AmazonEC2");
    ledger.applies(&bill(
        "2026-02",
        "a AmazonEC2 400; b AmazonS3 50; c AmazonRegistrar 14; t AmazonEC2 10 category=tax",
    ));
    let forecast = foresees(&ledger, "2026-03-01", "");
    // The domain is paid for; tax was 10 of the 64 that were left over.
    assert_eq!(month(&forecast, "2026-03")["card_charge"], "57.81");
    assert_eq!(forecast["card_starts_in"], "2026-04");
    assert_eq!(forecast["card_at_start"], "200.00");
}

#[test]
fn where_all_credits_are_gone_the_card_pays_already() {
    let ledger = Ledger::with_a_credit();
    ledger.applies(&bill("2026-01", "a AmazonEC2 150"));
    ledger.applies(&bill("2026-02", "a AmazonEC2 150"));
    let forecast = foresees(&ledger, "2026-03-05", "");
    assert_eq!(forecast["card_starts_in"], "2026-03");
    assert_eq!(forecast["runway_months"], "0.0");
    let told = ledger.call("forecast").today("2026-03-05").run().ok().out;
    let line = "the card pays already\nthe card pays 150.00 USD in 2026-03 for what credits cover";
    assert!(told.contains(line), "{told}");
}

#[test]
fn usage_by_the_day_is_parted_where_a_credit_ends_in_the_middle_of_a_month() {
    let ledger = Ledger::new();
    ledger.does("grant --kind promotional --amount 5000 --account 111122223333 --start 2026-01-01 --end 2026-04-12");
    let days = |month: &str, last: u32| {
        let day = |day| format!("d{day} AmazonEC2 10 start={month}-{day:02} end={month}-{day:02}");
        let days: Vec<String> = (1..=last).map(day).collect();
        bill(month, &days.join("; "))
    };
    ledger.applies(&days("2026-01", 31));
    ledger.applies(&days("2026-02", 28));
    let forecast = foresees(&ledger, "2026-03-01", "");
    // By the day it is the same every day, and that is what goes on: a month at its length.
    comes_to(&forecast, "2026-03", ["310.00", "310.00", "0.00"]);
    let april = month(&forecast, "2026-04");
    assert_eq!(april["charges"], "300.00");
    // The last month had 28 days, 12 of which are before the end.
    let paid: f64 = april["credits_applied"].as_str().unwrap().parse().unwrap();
    assert!((110.0..=130.0).contains(&paid), "{april}");
}

#[test]
fn a_fee_for_a_year_comes_again_after_a_year_and_not_every_month() {
    let ledger = Ledger::with_a_credit();
    ledger.applies(&bill("2026-01", "a AmazonEC2 10"));
    ledger.applies(&bill(
        "2026-02",
        "a AmazonEC2 10; d AmazonRegistrar 14; u AmazonEC2 600 category=upfront_fee; r AmazonEC2 -5 category=refund",
    ));
    let forecast = foresees(&ledger, "2026-03-01", "--until 2027-03");
    comes_to(&forecast, "2026-03", ["10.00", "10.00", "0.00"]);
    comes_to(&forecast, "2027-01", ["10.00", "0.00", "10.00"]);
    comes_to(&forecast, "2027-02", ["24.00", "0.00", "24.00"]);
    let patterns: Vec<(&Value, &Value)> = forecast["expected"]
        .as_array()
        .expect("streams")
        .iter()
        .map(|stream| (&stream["category"], &stream["pattern"]))
        .collect();
    assert!(patterns.contains(&(&json!("upfront_fee"), &json!("once"))));
    assert!(patterns.contains(&(&json!("usage"), &json!("yearly"))));
    let told = ledger.call("forecast").today("2026-03-01").run().ok().out;
    let line = "600.00 upfront_fee of AmazonEC2 in 2026-02: taken to come once";
    assert!(told.contains(line), "{told}");
    let line = "14.00 usage of AmazonRegistrar in 2026-02: taken to come once a year";
    assert!(told.contains(line), "{told}");
}

#[test]
fn an_open_month_is_completed_from_its_days_and_reserves_no_second_time() {
    let ledger = two_months();
    let days: Vec<String> = (1..=14)
        .map(|day| format!("d{day} AmazonEC2 20 start=2026-03-{day:02} end=2026-03-{day:02}"))
        .collect();
    ledger.applies(&estimate("2026-03", &days.join("; ")));
    let forecast = foresees(&ledger, "2026-03-15", "");
    assert_eq!(forecast["open_months"], json!(["2026-03"]));
    let march = month(&forecast, "2026-03");
    let charges: f64 = march["charges"].as_str().unwrap().parse().unwrap();
    // 280 so far, and 17 days of about twenty a day, half as much before.
    assert!((480.0..620.0).contains(&charges), "{march}");
    assert_eq!(march["credits_applied"], "400.00");
    // A whole open month stands as it is.
    ledger
        .call("apply")
        .today("2026-04-02")
        .stdin(estimate("2026-03", "a AmazonEC2 333"))
        .run()
        .ok();
    let forecast = foresees(&ledger, "2026-04-02", "");
    comes_to(&forecast, "2026-03", ["333.00", "333.00", "0.00"]);
}

#[test]
fn tax_is_the_part_that_it_was_of_what_credits_left_over() {
    let ledger = Ledger::new();
    ledger.does("grant --kind promotional --amount 150 --account 111122223333 --start 2026-01-01");
    ledger.applies(&bill(
        "2026-01",
        "a AmazonEC2 200; t AmazonEC2 10 category=tax",
    ));
    ledger.does("grant --kind promotional --amount 300 --account 111122223333 --start 2026-02-01");
    let forecast = foresees(&ledger, "2026-02-01", "");
    assert_eq!(forecast["tax_rate"], "0.20");
    comes_to(&forecast, "2026-02", ["200.00", "200.00", "0.00"]);
    comes_to(&forecast, "2026-03", ["220.00", "100.00", "120.00"]);
    assert_eq!(month(&forecast, "2026-03")["tax"], "20.00");
}

#[test]
fn each_account_and_service_goes_its_own_way() {
    let ledger = Ledger::new();
    ledger.does("grant --kind promotional --amount 500 --account 444455556666 --start 2026-01-01 --share disabled");
    let charges =
        |own: u32, member: u32| format!("a AmazonEC2 {own}; b AmazonS3 {member} account={MEMBER}");
    ledger.applies(&bill("2026-01", &charges(100, 80)));
    ledger.applies(&bill("2026-02", &charges(100, 80)));
    let forecast = foresees(&ledger, "2026-03-01", "");
    comes_to(&forecast, "2026-03", ["180.00", "80.00", "100.00"]);
    let streams = forecast["expected"].as_array().expect("streams");
    let of_member = streams.iter().find(|stream| stream["account"] == MEMBER);
    let of_member = of_member.expect("a stream of the member");
    assert_eq!(of_member["payer"], PAYER);
    assert_eq!(of_member["service"], "AmazonS3");
    assert_eq!(of_member["last_amount"], "80.00");
}

#[test]
fn what_if_a_service_or_all_of_them_came_to_something_else() {
    let ledger = Ledger::new();
    ledger.does("grant --kind promotional --amount 5000 --account 111122223333 --start 2026-01-01");
    ledger.applies(&bill("2026-02", "a AmazonEC2 100; b AmazonS3 50"));
    let march = |line: &str| {
        let forecast = foresees(&ledger, "2026-03-01", line);
        let month = month(&forecast, "2026-03");
        month["charges"].as_str().expect("an amount").to_owned()
    };
    assert_eq!(march("--assume AmazonEC2=+20%"), "170.00");
    assert_eq!(march("--assume EC2=-50%"), "100.00");
    assert_eq!(march("--assume AmazonEC2=10 --assume AmazonS3=0"), "10.00");
    assert_eq!(march("--assume AmazonRDS=40"), "190.00");
    assert_eq!(march("--assume monthly=500"), "500.00");
    assert_eq!(march("--assume monthly=+10%"), "165.00");
    assert_eq!(march("--assume monthly=500@2026-04"), "150.00");
    let forecast = foresees(&ledger, "2026-03-01", "--assume AmazonEC2=+20%@2026-05");
    assert_eq!(forecast["assumptions"], json!(["AmazonEC2=+20%@2026-05"]));
    assert_eq!(month(&forecast, "2026-04")["charges"], "150.00");
    assert_eq!(month(&forecast, "2026-05")["charges"], "170.00");
}

#[test]
fn what_if_is_asked_before_there_is_a_bill() {
    let ledger = Ledger::with_a_credit();
    let forecast = foresees(&ledger, "2026-03-01", "--assume monthly=40");
    assert_eq!(forecast["method"], "none");
    assert_eq!(forecast["card_starts_in"], "2026-05");
    comes_to(&forecast, "2026-05", ["40.00", "20.00", "20.00"]);
}

#[test]
fn an_assumption_that_says_nothing_is_told() {
    let ledger = two_months();
    let run = ledger.run("forecast --assume AmazonRDS=+20%").ends(2);
    let error = "error: no charge of AmazonRDS is on record, there is nothing to change\n";
    assert!(run.err.starts_with(error), "{}", run.err);
    let run = ledger.run("forecast --assume AmazonECC2=+20%").ends(2);
    assert!(run.err.contains("did you mean `AmazonEC2`?"), "{}", run.err);
    assert_eq!(
        ledger.does("forecast --assume MONTHLY=5"),
        ledger.does("forecast --assume monthly=5")
    );
    for (assumption, why) in [
        ("AmazonEC2", "is not as in"),
        ("AmazonEC2=20%", "is not as in"),
        ("AmazonEC2=+x%", "is not as in"),
        ("AmazonEC2=-101%", "is not as in"),
        ("AmazonEC2=-5", "without a `%`"),
        ("AmazonEC2=+50", "without a `%`"),
        ("AmazonEC2=5@2026-13", "is not a month"),
        ("=5", "empty"),
    ] {
        let error = ledger
            .run(&format!("--json forecast --assume {assumption}"))
            .refused(2, "bad_usage");
        let message = error["message"].as_str().expect("a message");
        assert!(message.contains(why), "{assumption}: {message}");
    }
}

#[test]
fn what_if_a_code_were_redeemed_or_an_offer_taken() {
    let ledger = two_months();
    let offer = r#"{"offers": [{"id": "school", "name": "Summer school", "kind": "educational", "amount": "500", "currency": "USD", "valid_for": "P2M", "redeem_by": "2026-06-30"},
        {"id": "exam", "name": "Exam", "kind": "earned", "amount": "25", "currency": "USD", "earn": {"when": "completed", "what": "training:x"}}]}"#;
    let file = ledger.folder.file("offers.json", offer);
    ledger.does(&format!("offer add {file}"));
    ledger.does("code add school SUMMER-0001");
    let before = ledger.bytes();
    let forecast = foresees(&ledger, "2026-03-01", "--with school@2026-05 --with exam");
    let names: Vec<&Value> = forecast["credits"]
        .as_array()
        .expect("credits")
        .iter()
        .map(|credit| &credit["name"])
        .collect();
    assert_eq!(names, ["AWS Activate credit", "Exam", "Summer school"]);
    comes_to(&forecast, "2026-05", ["300.00", "300.00", "0.00"]);
    // Two months from the first of May on, 100 of it too late.
    comes_to(&forecast, "2026-06", ["300.00", "200.00", "100.00"]);
    let run = ledger
        .call("forecast --with SUMMER-0001@2026-04")
        .today("2026-03-01")
        .run()
        .ok();
    assert!(run.out.contains("(to come) Summer school"), "{}", run.out);
    assert!(!run.out.contains("SUMMER"), "{}", run.out);
    let refused = |line: &str, status, kind: &str| {
        let line = format!("--json forecast --with {line}");
        let run = ledger.call(&line).today("2026-03-01").run();
        run.refused(status, kind);
    };
    refused("NOBODY-0001", 3, "unknown_code");
    let near = ledger.run("forecast --with skool").ends(3).err;
    assert_eq!(
        near,
        "error: what `--with` names is neither an offer nor a code on record\nhint: did you mean the offer `school`?\n"
    );
    refused("school@2026-07", 3, "offer_closed");
    refused("school@2026-02", 2, "bad_usage");
    refused("school@2026-13", 2, "bad_usage");
    refused("SUMMER-0001 --with SUMMER-0001@2026-05", 2, "bad_usage");
    let assumed = foresees(&ledger, "2026-03-01", "--with SUMMER-0001@2026-05");
    assert_eq!(
        assumed["assumptions"],
        json!(["a credit of school in 2026-05"])
    );
    assert_eq!(ledger.bytes(), before, "a forecast records nothing");
}

#[test]
fn what_spend_will_earn_takes_part() {
    let ledger = Ledger::new();
    let offer = r#"{"offers": [{"id": "reward", "name": "Reward", "kind": "earned", "currency": "USD", "valid_for": "P12M",
        "earn": {"when": "spend", "at_least": "100", "per": "month", "percent": "10"}}]}"#;
    let file = ledger.folder.file("offers.json", offer);
    ledger.does(&format!("--today 2025-12-01 offer add {file}"));
    ledger.applies(&bill("2026-02", "a AmazonEC2 200"));
    let forecast = foresees(&ledger, "2026-03-01", "");
    // The bill of February earned 20 for March, and each month earns 20 for the next.
    comes_to(&forecast, "2026-03", ["200.00", "20.00", "180.00"]);
    comes_to(&forecast, "2026-08", ["200.00", "20.00", "180.00"]);
}

#[test]
fn bills_that_come_as_they_were_expected_have_the_statements_that_were_foreseen() {
    let ledger = Ledger::new();
    for line in [
        "grant --kind promotional --amount 400 --account 111122223333 --start 2026-01-01 --end 2026-05-17",
        "grant --kind activate --amount 700 --account 111122223333 --start 2026-02-10 --service AmazonEC2 --service AmazonS3",
        "grant --kind earned --amount 90 --account 444455556666 --start 2026-04-05 --start-rule day --region eu-west-1",
        "account set 444455556666 --payer 111122223333 --joined 2025-06-01",
    ] {
        ledger.does(line);
    }
    for (month, last) in [("2026-01", 31), ("2026-02", 28)] {
        let mut charges: Vec<String> = (1..=last)
            .map(|day| {
                format!(
                    "d{day} AmazonEC2 7.13 start={month}-{day:02} account={MEMBER} region=eu-west-1"
                )
            })
            .collect();
        charges.push("s AmazonS3 33.333".to_owned());
        charges.push("m SomeVendor 12 category=marketplace".to_owned());
        charges.push("x AmazonEC2 -9.99 category=discount".to_owned());
        charges.push("t AmazonEC2 2.40 category=tax".to_owned());
        ledger.applies(&bill(month, &charges.join("; ")));
    }
    let forecast = foresees(&ledger, "2026-03-02", "--until 2026-08");
    let bills = ledger
        .call("forecast --until 2026-08 --bills")
        .today("2026-03-02")
        .run()
        .ok();
    let documents = bills.documents();
    assert_eq!(documents.len(), 6);
    // They come as open bills; when the months are over they are final.
    let came = bills.out.replace("\"estimated\"", "\"final\"");
    let applied = ledger
        .call("--json apply")
        .today("2026-09-03")
        .stdin(&came)
        .run()
        .ok()
        .documents();
    for statement in &applied {
        let of = statement["month"].as_str().expect("a month");
        let expected = ["charges_total", "credits_applied", "card_charge"];
        let expected = expected.map(|key| statement[key].as_str().expect("an amount"));
        comes_to(&forecast, of, expected);
    }
    let listed = ledger
        .call("--json list")
        .today("2026-09-03")
        .run()
        .ok()
        .json();
    for credit in forecast["credits"].as_array().expect("credits") {
        let mut listed = listed["credits"].as_array().expect("credits").iter();
        let now = listed.find(|listed| listed["id"] == credit["credit"]);
        let now = now.expect("the credit is on record");
        let over = match credit["unused_at_end"].is_null() {
            true => &credit["left_after_last_month"],
            false => &credit["unused_at_end"],
        };
        let status = now["status"].as_str();
        if status == Some("active") || status == Some("exhausted") {
            assert_eq!(over, &now["remaining_amount"], "{credit} {now}");
        }
    }
}

#[test]
fn it_is_asked_as_of_a_day_and_of_an_entry() {
    let ledger = two_months();
    let then = foresees(&ledger, "2026-03-01", "");
    ledger.applies(&bill("2026-03", "a AmazonEC2 900"));
    let asked = foresees(&ledger, "2026-06-01", "--as-of 2026-03-01");
    assert_eq!(asked["months"], then["months"]);
    assert_eq!(asked["card_starts_in"], then["card_starts_in"]);
    let known = foresees(&ledger, "2026-03-01", "--at-entry 4");
    assert_eq!(known["months"], then["months"]);
}

#[test]
fn a_month_without_a_bill_is_expected_and_said() {
    let ledger = two_months();
    let forecast = foresees(&ledger, "2026-05-02", "");
    assert_eq!(forecast["missing_months"], json!(["2026-03", "2026-04"]));
    let told = ledger.call("forecast").today("2026-05-02").run().ok().out;
    let line = "without a bill, and expected like the others: 2026-03, 2026-04";
    assert!(told.contains(line), "{told}");
    let silent = ledger.call("forecast").today("2027-06-02").run().ok();
    let note = "note: the last bill of 111122223333 in USD is of 2026-02: no more is expected";
    assert!(silent.err.contains(note), "{}", silent.err);
}

#[test]
fn each_currency_has_a_forecast_of_its_own() {
    let ledger = two_months();
    let euros = document(PAYER, "2026-02", "final", "a AmazonEC2 5").replace("USD", "EUR");
    ledger.applies(&euros);
    let both = ledger.run("--json forecast").ok().documents();
    let currencies: Vec<&Value> = both.iter().map(|one| &one["currency"]).collect();
    assert_eq!(currencies, ["EUR", "USD"]);
    let error = ledger
        .run("--json forecast --assume monthly=5")
        .refused(2, "bad_usage");
    assert_eq!(error["hint"], "`--currency EUR` says which one is meant");
    let one = foresees(&ledger, "2026-03-15", "--assume monthly=5 --currency EUR");
    assert_eq!(month(&one, "2026-03")["charges"], "5.00");
}

#[test]
fn what_cannot_be_foreseen_is_said() {
    let ledger = two_months();
    for until in ["2026-02", "2029-03"] {
        ledger
            .run(&format!("--json forecast --until {until}"))
            .refused(2, "bad_usage");
    }
    assert_eq!(
        foresees(&ledger, "2026-03-15", "--until 2029-02")["months"]
            .as_array()
            .map(Vec::len),
        Some(36)
    );
    let empty = Ledger::new();
    let run = empty.run("forecast").ok();
    assert!(run.err.contains("there is nothing to foresee"), "{run:?}");
    assert_eq!(run.out, "");
    let run = empty.run("--json forecast").ok();
    assert_eq!(run.out, "");
}

#[test]
fn it_fits_into_eighty_columns_with_and_without_unicode() {
    for (credit, january, february) in [
        ("5", "0.07", "0.03"),
        ("25000", "2300", "3300.50"),
        ("1250000", "102234.56", "103234.56"),
        ("900000000", "92234567.89", "103234567"),
    ] {
        let ledger = Ledger::new();
        ledger.does(&format!("grant --kind activate --amount {credit} --account 111122223333 --start 2026-01-01 --end 2027-12-31"));
        ledger.applies(&bill("2026-01", &format!("a AmazonEC2 {january}")));
        ledger.applies(&bill("2026-02", &format!("a AmazonEC2 {february}")));
        let drawn = ledger.does("forecast");
        let plain = ledger.does("forecast --ascii");
        for text in [&drawn, &plain] {
            let mut lines = text.lines();
            let long = lines.find(|line| line.chars().count() > 80);
            assert_eq!(long, None, "{text}");
            let months = text.lines().filter(|line| line.starts_with("20"));
            assert!(months.count() > 5, "{text}");
        }
        assert!(drawn.contains('█'), "{drawn}");
        assert!(plain.is_ascii() && plain.contains("##"), "{plain}");
        let on_a_terminal = ledger.on_a_terminal("stty cols 80; $CREDITS forecast");
        let months = |text: &str| text.lines().filter(|line| line.starts_with("20")).count();
        assert_eq!(months(&on_a_terminal), months(&drawn), "{on_a_terminal}");
        let lines = |text: &str| text.lines().count();
        assert_eq!(lines(&on_a_terminal), lines(&drawn), "{on_a_terminal}");
    }
}

#[test]
fn a_backtest_says_how_wrong_the_method_has_been() {
    let ledger = Ledger::with_a_credit();
    for (month, amount) in [
        ("2025-11", 100),
        ("2025-12", 110),
        ("2026-01", 90),
        ("2026-02", 100),
    ] {
        ledger.applies(&bill(month, &format!("a AmazonEC2 {amount}")));
    }
    let answer = ledger.json("forecast --backtest");
    let horizons = answer["horizons"].as_array().expect("horizons");
    assert_eq!(horizons.len(), 3);
    assert_eq!(horizons[0]["forecasts"], 3);
    assert_eq!(horizons[0]["naive_error"], "0.1333");
    assert_eq!(horizons[2]["forecasts"], 0);
    assert_eq!(horizons[2]["error"], Value::Null);
    let short = Ledger::with_a_credit();
    short.applies(&bill("2026-02", "a AmazonEC2 5"));
    let run = short.run("forecast --backtest").ok();
    assert!(run.err.contains("it takes two months"), "{run:?}");
}

#[test]
fn a_check_looks_ahead_and_fires_below_its_limit_and_not_at_it() {
    let ledger = Ledger::new();
    ledger.does("grant --kind activate --amount 1000 --account 111122223333 --start 2026-01-01 --end 2026-12-31 --service AmazonEC2");
    ledger.does("grant --kind earned --amount 90 --account 111122223333 --start 2026-01-01 --end 2026-04-30 --service AmazonS3");
    let none = ledger.call("check --runway-below 9m --waste-above 1");
    assert_eq!(
        none.today("2026-01-20").run().ok().out,
        "",
        "no bill says anything"
    );
    ledger.applies(&bill("2026-01", "a AmazonEC2 300; b AmazonS3 10"));
    ledger.applies(&bill("2026-02", "a AmazonEC2 300; b AmazonS3 10"));
    let check = |limits: &str, status: i32| {
        let line = format!("--json check {limits}");
        let run = ledger.call(&line).today("2026-02-28").run().ends(status);
        run.json()["alerts"].clone()
    };
    // 400 of 300 a month: a month and a third. 90 less four times ten.
    assert_eq!(check("--runway-below 1.3m --waste-above 50", 0), json!([]));
    let runway = check("--runway-below 1.4m", 1);
    assert_eq!(runway[0]["value"], "1.3");
    let message = "runway: by the forecast the card pays from 2026-04 on, in 1.3 months, sooner than in 1.4 months, about 200.00 USD in that month; `credits forecast` shows how, and with `--assume` what would help";
    assert_eq!(runway[0]["message"], message);
    let waste = check("--waste-above 49.99", 1);
    assert_eq!(waste[0]["credit"], "C3");
    assert_eq!(waste[0]["value"], "50.00");
    let message = "waste: the forecast leaves 50.00 USD unused on 2026-04-30, above 49.99, all of credit C3; `credits forecast` shows how";
    assert_eq!(waste[0]["message"], message);
    let metrics = ledger
        .call("check --only --runway-below 1m --waste-above 1 --format prometheus")
        .today("2026-02-28")
        .run()
        .ends(1);
    for line in [
        "credits_runway_months{currency=\"USD\"} 1.3",
        "credits_unused_at_end{credit=\"C3\",currency=\"USD\"} 50.00",
        "credits_alert{kind=\"runway_below\"} 0",
        "credits_alert{kind=\"waste_above\"} 1",
    ] {
        assert!(
            metrics.out.lines().any(|other| other == line),
            "{line}\n{}",
            metrics.out
        );
    }
}

#[test]
fn one_screen_says_how_things_stand() {
    let ledger = two_months();
    ledger.applies(&estimate("2026-03", "a AmazonEC2 150"));
    let screen = ledger.does("status");
    assert_eq!(
        screen,
        "\
as of 2026-03-15, entry 5

left        400.00 USD of 1,000.00, 250.00 after open bills, in one active credit
ends next   C2 AWS Activate credit on 2026-12-31, 250.00 USD left, all of which will be used
this month  2026-03: 150.00 USD so far, 0.00 USD on the card; expected 307.34 USD, 0.00 USD on the card
last bill   111122223333/2026-02: 300.00 USD, 300.00 USD by credits, 0.00 USD on the card
card        starts in 2026-04, in 0.8 months; pays 213.53 USD in 2026-04 for what credits cover
"
    );
    let answer = ledger.json("status");
    let usd = &answer["currencies"][0];
    assert_eq!(usd["remaining"], "400.00");
    assert_eq!(usd["estimated"], "250.00");
    assert_eq!(usd["this_month"]["status"], "estimated");
    assert_eq!(usd["ends_next"]["credit"], "C2");
    assert_eq!(usd["card_starts_in"], "2026-04");
    let empty = Ledger::new();
    let run = empty.run("status").ok();
    assert!(
        run.out.contains("no credit and no bill is on record"),
        "{run:?}"
    );
    assert!(run.err.contains("there is no ledger"), "{run:?}");
}

#[test]
fn the_card_starts_after_the_last_credit_has_lapsed_however_far_that_is() {
    let ledger = Ledger::new();
    ledger.does("grant --kind activate --amount 9000 --account 111122223333 --start 2026-01-01 --end 2027-01-31");
    ledger.applies(&bill("2026-01", "a AmazonEC2 240"));
    ledger.applies(&bill("2026-02", "a AmazonEC2 240"));
    // Also where the bills since are missing, and after the end.
    for (today, runway) in [
        ("2026-03-31", "10.0"),
        ("2026-12-15", "1.5"),
        ("2027-02-10", "0.0"),
    ] {
        let forecast = foresees(&ledger, today, "");
        assert_eq!(forecast["card_starts_in"], "2027-02", "{today}");
        assert_eq!(forecast["runway_months"], runway, "{today}");
        let check = ledger.call("check --runway-below 11m").today(today).run();
        assert!(
            check.ends(1).out.contains("pays from 2027-02 on"),
            "{today}"
        );
    }
    let near = foresees(&ledger, "2026-03-31", "--until 2026-08");
    assert_eq!(near["card_starts_in"], Value::Null);
    let told = ledger
        .call("forecast --until 2026-08")
        .today("2026-03-31")
        .run();
    let line = "the card does not start within these months (to 2026-08)";
    assert!(told.ok().out.contains(line));
}

#[test]
fn a_charge_for_several_days_is_used_on_each_of_them() {
    let march = |charges: &str| {
        let ledger = two_months();
        ledger.applies(&estimate("2026-03", charges));
        let forecast = foresees(&ledger, "2026-03-15", "");
        let march = month(&forecast, "2026-03")["charges"].clone();
        march
            .as_str()
            .and_then(|text| text.parse::<f64>().ok())
            .expect("an amount")
    };
    let by_day: Vec<String> = (1..=10)
        .map(|day| format!("d{day} AmazonEC2 20 start=2026-03-{day:02} end=2026-03-{day:02}"))
        .collect();
    let by_day = march(&by_day.join("; "));
    let at_once = march("a AmazonEC2 200 start=2026-03-01 end=2026-03-10");
    assert!((by_day - at_once).abs() < 0.02, "{by_day} {at_once}");
    // What is dated by its month has no days.
    let undated = march("a AmazonEC2 200");
    let by_month = march("a AmazonEC2 200 start=2026-03-01");
    assert!((undated - by_month).abs() < 0.02, "{undated} {by_month}");
}

#[test]
fn bills_that_rise_every_month_are_said_to_and_ranges_never_narrow() {
    let ledger = Ledger::with_a_credit();
    for (month, amount) in [
        ("2025-10", 100),
        ("2025-11", 120),
        ("2025-12", 140),
        ("2026-01", 170),
        ("2026-02", 200),
    ] {
        ledger.applies(&bill(month, &format!("a AmazonEC2 {amount}")));
    }
    let forecast = foresees(&ledger, "2026-03-01", "--until 2027-06");
    assert_eq!(forecast["rose_for_months"], 4);
    let told = ledger.call("forecast").today("2026-03-01").run().ok().out;
    assert!(
        told.contains("bills rose in each of the last 4 months"),
        "{told}"
    );
    let widths: Vec<f64> = forecast["months"]
        .as_array()
        .expect("months")
        .iter()
        .map(|month| {
            let part = |key: &str| month[key].as_str().unwrap().parse::<f64>().unwrap();
            (part("high") - part("charges")) / part("charges")
        })
        .collect();
    assert!(
        widths.windows(2).all(|pair| pair[1] > pair[0] - 0.001),
        "{widths:?}"
    );
}

#[test]
fn what_nothing_on_record_is_of_is_refused() {
    let ledger = two_months();
    ledger.does("grant --kind earned --amount 5 --account 999988887777 --start 2026-01-01");
    for (flag, hint) in [
        ("--payer 11112222333", "did you mean `111122223333`?"),
        ("--currency GBP", "`USD` is one that is"),
    ] {
        let line = format!("--json forecast {flag}");
        let error = ledger.run(&line).refused(2, "bad_usage");
        assert_eq!(error["hint"], hint);
    }
    // The credit of another account is in no pool of this payer.
    let of_payer = foresees(&ledger, "2026-03-15", "--payer 111122223333");
    let credits = of_payer["credits"].as_array().expect("credits").iter();
    let ids: Vec<&Value> = credits.map(|credit| &credit["credit"]).collect();
    assert_eq!(ids, ["C2"]);
}

#[test]
fn without_a_bill_nothing_is_foreseen_as_a_fact() {
    let ledger = Ledger::with_a_credit();
    let told = ledger.does("forecast");
    assert!(told.contains("no bill is on record"), "{told}");
    assert!(!told.contains("unused") && !told.contains("card"), "{told}");
    let screen = ledger.json("status");
    assert_eq!(screen["currencies"][0]["will_lapse"], Value::Null);
    assert_eq!(
        screen["currencies"][0]["this_month"]["expected_charges"],
        Value::Null
    );
}

#[test]
fn a_payer_without_credits_does_not_hide_the_card_of_another() {
    let ledger = Ledger::new();
    ledger.does("grant --kind promotional --amount 1000 --account A --start 2026-01-01");
    let of = |payer: &str, month: &str, amount: u32| {
        document(payer, month, "final", &format!("a AmazonEC2 {amount}"))
    };
    for month in ["2026-02", "2026-03"] {
        ledger
            .call("apply")
            .today("2026-04-02")
            .stdin(of("A", month, 400))
            .run()
            .ok();
    }
    ledger
        .call("apply")
        .today("2026-04-02")
        .stdin(of("B", "2026-02", 5))
        .run()
        .ok();
    let forecast = foresees(&ledger, "2026-04-02", "");
    assert_eq!(forecast["card_starts_in"], "2026-04");
    assert_eq!(forecast["card_at_start"], "200.00");
    let check = ledger
        .call("check --runway-below 12m")
        .today("2026-04-02")
        .run();
    assert!(
        check
            .ends(1)
            .out
            .contains("pays from 2026-04 on, in 0.4 months")
    );
}

#[test]
fn an_account_that_joins_or_leaves_is_billed_once() {
    let ledger = Ledger::new();
    ledger.does("grant --kind promotional --amount 1000 --account 111122223333 --start 2026-01-01");
    let own = |payer: &str, month: &str, charges: &str| document(payer, month, "final", charges);
    ledger.applies(&own(MEMBER, "2026-01", "a AmazonEC2 50"));
    ledger.does("account set 444455556666 --payer 111122223333 --joined 2026-02-01");
    let both = format!("a AmazonEC2 100; b AmazonEC2 50 account={MEMBER}");
    ledger.applies(&own(PAYER, "2026-02", &both));
    let forecast = foresees(&ledger, "2026-03-15", "");
    assert_eq!(forecast["missing_months"], json!([]));
    assert_eq!(forecast["months"][0]["month"], "2026-03");
    comes_to(&forecast, "2026-03", ["150.00", "150.00", "0.00"]);
    // Who leaves has a bill of its own from the next month on, and no share in the credit.
    ledger.does("account set 444455556666 --left 2026-03-31");
    let forecast = foresees(&ledger, "2026-04-01", "");
    comes_to(&forecast, "2026-03", ["150.00", "150.00", "0.00"]);
    comes_to(&forecast, "2026-04", ["150.00", "100.00", "50.00"]);
    let bills = ledger
        .call("forecast --bills --until 2026-04")
        .today("2026-04-01")
        .run();
    let payers: Vec<Value> = bills
        .ok()
        .documents()
        .iter()
        .map(|bill| bill["account"].clone())
        .collect();
    assert_eq!(payers, [PAYER, PAYER, MEMBER]);
}

#[test]
fn an_account_that_is_to_join_moves_to_the_bill_of_its_payer() {
    let ledger = Ledger::new();
    ledger.does("grant --kind promotional --amount 1000 --account 444455556666 --start 2026-01-01");
    ledger.applies(&document(MEMBER, "2026-02", "final", "a AmazonEC2 50"));
    ledger.applies(&document(PAYER, "2026-02", "final", "a AmazonEC2 100"));
    ledger.does("account set 444455556666 --payer 111122223333 --joined 2026-04-01");
    let forecast = foresees(&ledger, "2026-03-15", "--until 2026-04");
    comes_to(&forecast, "2026-03", ["150.00", "50.00", "100.00"]);
    // Its credit is in the pool from the month on that it begins as a member.
    comes_to(&forecast, "2026-04", ["150.00", "150.00", "0.00"]);
}

#[test]
fn an_open_bill_before_a_final_one_takes_its_part() {
    let ledger = Ledger::new();
    ledger.does("grant --kind promotional --amount 1000 --account 111122223333 --start 2026-01-01");
    ledger.applies(&bill("2026-01", "a AmazonEC2 100"));
    ledger.applies(&estimate("2026-02", "a AmazonEC2 700"));
    ledger
        .call("apply")
        .today("2026-04-02")
        .stdin(bill("2026-03", "a AmazonEC2 100"))
        .run()
        .ok();
    let forecast = foresees(&ledger, "2026-04-02", "");
    // 100 of 1,000 are left for April, of which 98.47 are expected.
    assert_eq!(month(&forecast, "2026-04")["credits_left"], "1.53");
    assert_eq!(forecast["card_starts_in"], "2026-05");
}

#[test]
fn a_new_service_is_no_fee_for_a_year_because_of_a_stray_cent() {
    let ledger = Ledger::new();
    ledger.does("grant --kind promotional --amount 9000 --account 111122223333 --start 2025-01-01");
    let months = [
        "2025-01", "2025-02", "2025-03", "2025-04", "2025-05", "2025-06", "2025-07", "2025-08",
        "2025-09", "2025-10", "2025-11", "2025-12", "2026-01",
    ];
    for month in months {
        let more = match month {
            "2025-02" => "; b AmazonEC2 0.02",
            "2026-01" => "; b AmazonEC2 500",
            _ => "",
        };
        ledger.applies(&bill(month, &format!("a AmazonS3 10{more}")));
    }
    let forecast = foresees(&ledger, "2026-02-01", "");
    let march: f64 = month(&forecast, "2026-03")["charges"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!(march > 400.0, "{march}");
}

#[test]
fn a_fee_for_a_year_that_came_earlier_or_has_a_gap_after_it_comes_once() {
    let ledger = Ledger::with_a_credit();
    ledger.applies(&bill("2025-03", "a AmazonEC2 1; d AmazonRegistrar 12"));
    // No bill of April is on record.
    for month in ["2025-05", "2025-09", "2026-01"] {
        ledger.applies(&bill(month, "a AmazonEC2 1"));
    }
    ledger.applies(&bill("2026-02", "a AmazonEC2 1; d AmazonRegistrar 12"));
    let forecast = foresees(&ledger, "2026-03-01", "--until 2027-04");
    let fees = forecast["months"].as_array().expect("months").iter();
    let fees: Vec<&str> = fees
        .filter(|month| {
            month["charges"]
                .as_str()
                .is_some_and(|text| text.parse::<f64>().unwrap() > 10.0)
        })
        .map(|month| month["month"].as_str().unwrap())
        .collect();
    assert_eq!(fees, ["2027-02"]);
}

#[test]
fn as_of_a_day_before_a_split_a_credit_counts_once() {
    let ledger = Ledger::new();
    ledger.does("grant --kind promotional --amount 1000 --account 111122223333 --start 2026-01-01");
    ledger.applies(&bill("2026-01", "a AmazonEC2 100"));
    ledger.does("split C2 400 500");
    let forecast = foresees(&ledger, "2026-03-15", "--as-of 2026-02-15");
    let credits = forecast["credits"].as_array().expect("credits");
    assert_eq!(credits.len(), 1, "{credits:?}");
    assert_eq!(credits[0]["remaining"], "900.00");
}

#[test]
fn a_credit_lapses_also_where_no_more_bills_come() {
    let ledger = Ledger::new();
    ledger.does("grant --kind activate --amount 5000 --account 111122223333 --start 2025-01-01 --end 2026-04-30");
    ledger.applies(&bill("2025-02", "a AmazonEC2 10"));
    let check = ledger
        .call("check --waste-above 100")
        .today("2026-03-02")
        .run();
    assert!(
        check
            .ends(1)
            .out
            .contains("leaves 4,990.00 USD unused on 2026-04-30")
    );
}

#[test]
fn the_days_to_come_of_a_first_open_month_are_not_those_seen() {
    let ledger = Ledger::new();
    ledger.does("grant --kind promotional --amount 5000 --account 111122223333 --start 2026-03-01 --end 2026-03-15");
    let days: Vec<String> = (1..=10)
        .map(|day| format!("d{day} AmazonEC2 10 start=2026-03-{day:02} end=2026-03-{day:02}"))
        .collect();
    let open = estimate("2026-03", &days.join("; "));
    ledger
        .call("apply")
        .today("2026-03-11")
        .stdin(open)
        .run()
        .ok();
    let forecast = foresees(&ledger, "2026-03-11", "");
    comes_to(&forecast, "2026-03", ["310.00", "150.00", "160.00"]);
}

#[test]
fn an_assumed_amount_is_what_it_comes_to() {
    let ledger = Ledger::new();
    ledger.does("grant --kind promotional --amount 5000 --account 444455556666 --start 2026-01-01 --share disabled");
    let charges = format!(
        "a AmazonEC2 100; b AmazonS3 10; c AmazonS3 -510 category=discount; m Vendor 7 account={MEMBER} category=marketplace"
    );
    ledger.applies(&bill("2026-01", &charges));
    ledger.applies(&bill(
        "2026-02",
        "a AmazonEC2 100; b AmazonS3 10; c AmazonS3 -510 category=discount",
    ));
    let march = |line: &str| {
        let forecast = foresees(&ledger, "2026-03-01", line);
        month(&forecast, "2026-03").clone()
    };
    assert_eq!(march("--assume monthly=500")["charges"], "500.00");
    assert_eq!(march("--assume AmazonS3=50")["charges"], "150.00");
    // What was charged before is charged like that again: no credit pays a marketplace.
    let vendor = march("--assume Vendor=30 --assume AmazonS3=0 --assume AmazonEC2=0");
    assert_eq!(vendor["charges"], "30.00");
    assert_eq!(vendor["card_charge"], "30.00");
}

#[test]
fn a_month_that_is_booked_is_not_foreseen() {
    let ledger = two_months();
    ledger
        .call("apply")
        .today("2026-03-31")
        .stdin(bill("2026-03", "a AmazonEC2 300"))
        .run()
        .ok();
    let error = ledger
        .call("--json forecast --until 2026-03")
        .today("2026-03-31")
        .run()
        .refused(2, "bad_usage");
    assert_eq!(
        error["message"],
        "that month is booked already, 2026-04 is the first to come"
    );
}

#[test]
fn days_before_a_credit_that_starts_by_the_day_do_not_start_the_card() {
    let ledger = Ledger::new();
    ledger.does("grant --kind promotional --amount 5000 --account 111122223333 --start 2026-03-15 --start-rule day --end 2026-12-31");
    let days: Vec<String> = (1..=28)
        .map(|day| format!("d{day} AmazonEC2 10 start=2026-02-{day:02} end=2026-02-{day:02}"))
        .collect();
    ledger.applies(&bill("2026-02", &days.join("; ")));
    let forecast = foresees(&ledger, "2026-03-20", "");
    assert!(month(&forecast, "2026-03")["card_charge"] != "0.00");
    assert_eq!(forecast["card_starts_in"], "2027-01");
}
