//! Regions by name, by pattern and by country, as they are granted, redeemed, offered and explained.

use serde_json::{Value, json};

use super::support::{Ledger, PAYER, bill};

const GRANT: &str =
    "grant --kind promotional --amount 100 --account 111122223333 --start 2026-01-01";

/// The regions of a credit as they are recorded.
fn regions(ledger: &Ledger, credit: &str) -> Value {
    ledger.json(&format!("show {credit}"))["regions"].clone()
}

fn notes(ledger: &Ledger, line: &str) -> Vec<String> {
    let run = ledger.run(line).ok();
    let lines = run.err.lines().filter(|line| !line.contains("made the"));
    lines.map(str::to_owned).collect()
}

/// What each charge of a bill leaves for the card, by id.
fn card(statement: &Value) -> String {
    let charges = statement["charges"].as_array().expect("a list").iter();
    let told = charges.map(|charge| {
        let id = charge["id"].as_str().expect("an id");
        format!("{id} {}", charge["card"].as_str().expect("an amount"))
    });
    told.collect::<Vec<_>>().join(", ")
}

#[test]
fn a_pattern_is_recorded_as_it_is_and_pays_in_the_regions_it_matches() {
    let ledger = Ledger::new();
    let line = format!("{GRANT} --region eu-* --region us-west-2");
    assert_eq!(notes(&ledger, &line), [""; 0]);
    assert_eq!(regions(&ledger, "C2"), json!(["eu-*", "us-west-2"]));
    let shown = ledger.does("show C2");
    assert!(shown.contains("eu-*, us-west-2"), "{shown}");
    let statement = ledger.applies(&bill(
        "2026-01",
        "a AmazonEC2 5 region=eu-north-1; b AmazonEC2 3 region=us-west-2; c AmazonEC2 2 region=us-west-2-lax-1;
         d AmazonEC2 1 region=global; e AmazonEC2 7",
    ));
    assert_eq!(card(&statement), "a 0.00, b 0.00, c 2.00, d 1.00, e 7.00");
    ledger.is_whole();
}

#[test]
fn a_country_adds_its_regions_and_they_are_what_is_recorded() {
    let ledger = Ledger::new();
    let line = format!("{GRANT} --country de --region us-east-1");
    assert_eq!(notes(&ledger, &line), [""; 0]);
    let recorded = regions(&ledger, "C2");
    let named: Vec<&str> = recorded
        .as_array()
        .expect("a list")
        .iter()
        .map(|region| region.as_str().expect("a name"))
        .collect();
    for region in [
        "eu-central-1",
        "eusc-de-east-1",
        "europe-west3",
        "us-east-1",
    ] {
        assert!(named.contains(&region), "{region} in {named:?}");
    }
    for region in ["eu-central-1-waw-1", "eu-west-1", "global", "DE", "de"] {
        assert!(!named.contains(&region), "{region} in {named:?}");
    }
    let statement = ledger.applies(&bill(
        "2026-01",
        "a AmazonEC2 5 region=eu-central-1; b AmazonEC2 3 region=eu-central-1-waw-1; c AmazonEC2 2 region=us-east-1;
         d AmazonEC2 1 region=global; e AmazonEC2 7",
    ));
    assert_eq!(card(&statement), "a 0.00, b 3.00, c 0.00, d 1.00, e 7.00");
    ledger.is_whole();
}

#[test]
fn countries_are_added_up_and_redeemed_like_regions() {
    let ledger = Ledger::new();
    ledger.does("account set 111122223333 --default");
    ledger.does("redeem SWISS2026CODE --kind promotional --amount 25 --country CH --country NG");
    let expected = [
        "af-south-1-los-1",
        "eu-central-2",
        "eu-zurich-1",
        "europe-west6",
        "switzerlandnorth",
        "switzerlandwest",
    ];
    assert_eq!(regions(&ledger, "C3"), json!(expected));
    let error = ledger
        .run("--json redeem OTHER2026CODE --country CH")
        .refused(2, "bad_usage");
    assert_eq!(
        error["message"],
        "the terms of a code need both `--kind` and `--amount`"
    );
}

#[test]
fn what_is_no_country_is_refused() {
    let ledger = Ledger::new();
    for line in [
        format!("{GRANT} --country XX"),
        "account set 111122223333 --country UK".to_owned(),
        "account set 111122223333 --country DEU".to_owned(),
    ] {
        let error = ledger
            .run(&format!("--json {line}"))
            .refused(2, "bad_usage");
        let message = error["message"].as_str().expect("text");
        let why = "is not a country, countries are ISO 3166 codes as in `DE`";
        assert!(message.ends_with(why), "{message}");
    }
    ledger.does("account set 111122223333 --country gb");
    assert_eq!(ledger.json("account show 111122223333")["country"], "GB");
}

#[test]
fn a_country_without_a_region_is_refused_with_those_that_have_one() {
    let ledger = Ledger::new();
    let error = ledger
        .run(&format!("--json {GRANT} --country AQ"))
        .refused(2, "bad_usage");
    assert_eq!(error["message"], "country `AQ` has no region that is known");
    let hint = error["hint"].as_str().expect("text");
    let starts = "`--region NAME` takes any region; countries with regions are AE, AR, AT, ";
    assert!(hint.starts_with(starts), "{hint}");
    assert!(!ledger.file().exists());
}

#[test]
fn a_region_that_nobody_knows_is_taken_and_noted() {
    let ledger = Ledger::new();
    for (region, note) in [
        (
            "eu-cenral-1",
            "region `eu-cenral-1` is not known and taken as it is, did you mean `eu-central-1`?",
        ),
        (
            "EU-WEST-1",
            "region `EU-WEST-1` is not known and taken as it is, did you mean `eu-west-1`?",
        ),
        (
            "mars-north-1",
            "region `mars-north-1` is not known and taken as it is",
        ),
        (
            "eu_*",
            "`eu_*` matches no region that is known and is taken as it is",
        ),
    ] {
        let line = format!("{GRANT} --region {region} --dry-run");
        assert_eq!(notes(&ledger, &line), [format!("note: {note}")]);
    }
    for region in [
        "eu-central-1",
        "global",
        "glob*",
        "us-east-1-scl-1",
        "westeurope",
    ] {
        let line = format!("{GRANT} --region {region} --dry-run");
        assert_eq!(notes(&ledger, &line), [""; 0], "{region}");
    }
    let many: Vec<String> = (10..40)
        .map(|at| format!("--region far-away-{at}"))
        .collect();
    let noted = notes(&ledger, &format!("{GRANT} --dry-run {}", many.join(" ")));
    assert_eq!(noted.len(), 21);
    assert_eq!(
        noted[20],
        "note: 10 more names of regions are not known and taken as they are"
    );
}

#[test]
fn an_offer_has_regions_by_pattern_and_countries_by_their_codes() {
    let ledger = Ledger::with_a_credit();
    let offer = |regions: &str, countries: &str| {
        format!(
            r#"{{"offers": [{{"id": "euro", "name": "Euro", "kind": "educational", "amount": "25",
                "regions": {regions}, "eligible": {{"countries": {countries}}}}}]}}"#
        )
    };
    for (countries, found) in [
        (r#"["DE", "XX"]"#, "XX"),
        (r#"["de"]"#, "de"),
        (r#"["Germany"]"#, "Germany"),
    ] {
        let file = offer("null", countries);
        let error = ledger.call("--json offer add -").stdin(file).run();
        let error = error.refused(2, "bad_input");
        assert_eq!(
            error["message"],
            format!(
                "cannot read stdin: offers[0].eligible.countries: `{found}` is not a country, countries are ISO 3166 codes as in `DE`"
            )
        );
    }
    let file = offer(r#"["eu-*", "eu-wst-1"]"#, r#"["DE"]"#);
    let run = ledger.call("offer add -").stdin(file).run().ok();
    assert_eq!(
        run.err,
        "note: region `eu-wst-1` is not known and taken as it is, did you mean `eu-west-1`?\n"
    );
    ledger.does("account set 111122223333 --country DE");
    ledger.does("redeem EURO2026CODE --offer euro");
    assert_eq!(regions(&ledger, "C5"), json!(["eu-*", "eu-wst-1"]));
}

#[test]
fn a_charge_is_asked_about_in_one_region() {
    let ledger = Ledger::new();
    ledger.does(&format!("{GRANT} --region 'eu-*'"));
    let error = ledger
        .run("--json covers --service AmazonEC2 --region eu-*")
        .refused(2, "bad_usage");
    assert_eq!(
        error["message"],
        "invalid value 'eu-*' for '--region <REGION>': is a pattern, a charge is in one region as in `eu-west-1`"
    );
    let yes = ledger.json("covers --service AmazonEC2 --region eu-west-1");
    assert_eq!(yes["covered_by"][0]["credit"], "C2");
    let no = ledger
        .run("--json covers --service AmazonEC2 --region us-est-1")
        .ends(1);
    assert_eq!(
        no.err,
        "note: region `us-est-1` is not known and taken as it is, did you mean `us-east-1`?\n"
    );
    let reasons = &no.json()["not_covered_by"][0];
    assert_eq!(reasons["rule"], "region");
    assert_eq!(reasons["detail"], "covers eu-* only");
}

#[test]
fn a_credit_for_a_country_says_where_the_charge_is() {
    let ledger = Ledger::new();
    ledger.does(&format!("{GRANT} --country PL"));
    ledger.applies(&bill(
        "2026-01",
        "abroad AmazonEC2 5 region=us-east-1; global AmazonEC2 1 region=global; nowhere AmazonEC2 2",
    ));
    let explained = ledger.json(&format!("explain {PAYER}/2026-01"));
    let charges = explained["charges"].as_array().expect("a list").iter();
    let details = charges.map(|charge| {
        let not = &charge["not_paid_by"][0];
        assert_eq!(not["rule"], "region");
        not["detail"].as_str().expect("text").to_owned()
    });
    let named = "covers eu-central-1-waw-1, europe-central2, polandcentral only";
    assert_eq!(
        details.collect::<Vec<_>>(),
        [
            format!("{named}, all in PL, us-east-1 is in US"),
            format!("{named}, the charge is global, of no one region"),
            format!("{named}, the charge has no region"),
        ]
    );
}
