//! Plays the sessions of the README and of `tests/transcripts`, each on a ledger of its own: every
//! line they show is what the command prints. `TRYCMD=overwrite` writes what it does print.

use std::path::PathBuf;

fn play(name: &str, path: &str) {
    let folder =
        std::env::temp_dir().join(format!("credits-transcript-{}-{name}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    let ledger: PathBuf = folder.join("ledger.db");
    let cases = trycmd::TestCases::new();
    let ledger_text = ledger.to_string_lossy().into_owned();
    cases
        .insert_var("[LEDGER]", ledger_text.clone())
        .expect("a variable");
    cases
        .env("CREDITS_LEDGER", ledger_text)
        .env("NO_COLOR", "1")
        .case(path);
    cases.run();
    let _ = std::fs::remove_dir_all(&folder);
}

#[test]
fn the_session_of_the_readme_is_what_the_command_prints() {
    play("readme", "README.md");
}

#[test]
fn two_accounts_share_a_credit() {
    play("two-accounts", "tests/transcripts/two-accounts.md");
}

#[test]
fn a_bill_is_corrected() {
    play("correction", "tests/transcripts/correction.md");
}

#[test]
fn the_word_of_aws_is_put_on_record_and_compared() {
    play("aws", "tests/transcripts/aws.md");
}

#[test]
fn a_year_in_cron_has_quiet_months_warnings_a_lapse_and_a_card_charge() {
    play("year", "tests/transcripts/year-in-cron.md");
}
