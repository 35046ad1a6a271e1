//! Scripts for processes that race: every writing command, questions beside them, at random.
//!
//! Few accounts, months and codes and many processes, so that they get in each other's way all the
//! time; amounts of which the credits cover a part, so that what one takes another lacks.

use crate::command::dice::Dice;
use crate::command::support::{Ledger, PAYER};

const OTHER: &str = "222233334444";
const MEMBER: &str = "333344445555";
const STUDENT: &str = "444455556666";
const ACCOUNTS: [&str; 5] = [PAYER, PAYER, OTHER, MEMBER, STUDENT];
const PAYERS: [&str; 3] = [PAYER, PAYER, OTHER];
const MONTHS: [&str; 6] = [
    "2025-09", "2025-10", "2025-11", "2025-12", "2026-01", "2026-02",
];
/// An offer file in the folder where all processes run.
pub(super) const TERMS: &str = "terms.json";
/// Codes that all know, of which half are on record before the race.
const SHARED_CODES: u64 = 24;

/// Some credits are worth a hundred more, so that they can be split.
const SPLITTABLE: u64 = 150;

/// What a command is about, as far as that has to be known to hold its answer to account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum About {
    /// Records something whenever it is done.
    Always,
    Offers,
    Codes,
    Bills,
    Replay,
    Closing,
    /// Records nothing. Takes `--at-entry`, or does not.
    Question {
        dated: bool,
    },
}

/// One command of a script.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) args: Vec<String>,
    pub(super) stdin: String,
    pub(super) about: About,
    /// `--dry-run`.
    pub(super) dry: bool,
    /// A word of its own, which the journal holds if and only if it was recorded.
    pub(super) mark: Option<String>,
}

/// Writes the script of one process, which knows its own credits only.
#[derive(Debug, Clone)]
pub(super) struct Author {
    dice: Dice,
    who: usize,
    written: usize,
}

impl Author {
    pub(super) fn new(dice: Dice, who: usize) -> Author {
        Author {
            dice,
            who,
            written: 0,
        }
    }

    /// The next command; `own` are the credits it was told of.
    pub(super) fn next(&mut self, own: &[String]) -> Step {
        self.written += 1;
        if self.dice.percent(28) {
            return self.question(own);
        }
        let mut step = match self.dice.below(100) {
            0..12 => self.grant(),
            12..17 => self.offers(),
            17..25 => self.codes(),
            25..37 => self.redeem(),
            37..42 => self.void(own),
            42..47 => self.operation(own),
            47..51 => self.account(),
            51..67 => self.apply(false),
            67..81 => self.apply(true),
            81..88 => self.reverse(),
            88..93 => self.replay(),
            93..97 => self.closing("reopen"),
            _ => self.closing("close"),
        };
        if self.dice.percent(15) {
            step.args.push("--dry-run".to_owned());
            step.dry = true;
        }
        step
    }

    fn mark(&self) -> String {
        format!("mark-{}-{}", self.who, self.written)
    }

    fn pick(&mut self, from: &[&str]) -> String {
        (*self.dice.pick(from)).to_owned()
    }

    fn amount(&mut self, most: u64) -> String {
        let cents = self.dice.within(1, most * 100);
        format!("{}.{:02}", cents / 100, cents % 100)
    }

    fn grant(&mut self) -> Step {
        let (mark, mut amount, account) = (self.mark(), self.amount(80), self.pick(&ACCOUNTS));
        if self.dice.percent(30) {
            amount = (100 + SPLITTABLE).to_string();
        }
        let start = format!("{}-{:02}", self.pick(&MONTHS), self.dice.within(1, 28));
        let line = format!(
            "grant --kind promotional --amount {amount} --account {account} --start {start}"
        );
        let mut step = marked(&line, "--name", mark);
        if self.dice.percent(40) {
            let service = self.pick(&["AmazonEC2", "AmazonS3"]);
            step.args.extend(["--service".to_owned(), service]);
        }
        if self.dice.percent(40) {
            let end = self.pick(&["2026-02-28", "2026-05-31", "2027-12-31"]);
            step.args.extend(["--end".to_owned(), end]);
        }
        step
    }

    /// One or two offers, each of its own or one that others bring too.
    fn offers(&mut self) -> Step {
        let mark = self.mark();
        let mut ids = Vec::new();
        if self.dice.percent(50) {
            ids.push(self.pick(&["common-1", "common-2"]));
        }
        let own = ids.is_empty() || self.dice.percent(50);
        ids.extend(own.then(|| mark.clone()));
        let offers: Vec<String> = ids.iter().map(|id| offer(id, 1_000)).collect();
        let offers = format!(r#"{{"offers": [{}]}}"#, offers.join(", "));
        Step {
            stdin: offers,
            mark: own.then_some(mark),
            ..step("offer add -", About::Offers)
        }
    }

    /// One of the few codes that are in demand at this point of all scripts.
    fn shared_code(&mut self) -> String {
        let at = self.written as u64 * 2 + self.dice.below(3);
        format!("RACE{:04}", at % SHARED_CODES)
    }

    fn own_code(&self) -> String {
        format!("OWN{:04}CODE{:04}", self.who, self.written)
    }

    fn codes(&mut self) -> Step {
        if self.dice.percent(25) {
            let (one, other) = (self.shared_code(), self.shared_code());
            return step(&format!("code revoke {one} {other}"), About::Codes);
        }
        let offer = if self.dice.percent(85) {
            "course"
        } else {
            "common-1"
        };
        let mut line = format!("code add {offer}");
        for _ in 0..self.dice.within(1, 3) {
            line = format!("{line} RACE{:04}", self.dice.below(SHARED_CODES));
        }
        if self.dice.percent(50) {
            line = format!("{line} {}", self.own_code());
        }
        step(&line, About::Codes)
    }

    fn redeem(&mut self) -> Step {
        let account = self.pick(&ACCOUNTS);
        let (mark, always) = (self.mark(), About::Always);
        let (shared, own) = (self.shared_code(), self.own_code());
        match self.dice.below(10) {
            0..5 => step(&format!("redeem {shared} --account {account}"), always),
            5 if self.dice.percent(50) => {
                let line = format!("redeem {shared} --offer course --account {account}");
                step(&line, always)
            }
            5 => {
                let other = self.shared_code();
                Step {
                    stdin: format!("{shared}\n{other},{account}\n{own}\n"),
                    ..step(
                        "redeem --file - --offer course --account 111122223333",
                        always,
                    )
                }
            }
            6 => {
                // The terms are recorded with it by whoever is first.
                let line = format!("redeem {own} --offer {TERMS} --account {account}");
                step(&line, always)
            }
            7 => {
                // Two who know a code that nobody recorded, and what it is worth.
                let line =
                    format!("redeem {shared} --kind earned --amount 12.5 --account {account}");
                marked(&line, "--name", mark)
            }
            _ => {
                let line = format!("redeem {own} --kind earned --amount 7.25 --account {account}");
                marked(&line, "--name", mark)
            }
        }
    }

    fn void(&mut self, own: &[String]) -> Step {
        let credit = match self.dice.below(3) {
            0 if !own.is_empty() => self.dice.pick(own).clone(),
            1 => format!("C{}", self.dice.within(2, 5)),
            _ => format!("C{}", self.dice.within(20, 60)),
        };
        marked(&format!("void {credit}"), "--reason", self.mark())
    }

    /// Something is done to a credit that always records something: shared with somebody new,
    /// transferred, or split.
    fn operation(&mut self, own: &[String]) -> Step {
        let credit = match own.last() {
            Some(own) if self.dice.percent(70) => own.clone(),
            _ => format!("C{}", self.dice.within(2, 5)),
        };
        let line = match self.dice.below(4) {
            0 => format!("share {credit} {}", self.mark()),
            1 => format!("transfer {credit} --to {}", self.pick(&ACCOUNTS)),
            _ => format!("split {credit} 100 {SPLITTABLE} --yes"),
        };
        step(&line, About::Always)
    }

    fn account(&mut self) -> Step {
        let account = self.pick(&[MEMBER, STUDENT, STUDENT]);
        let mut line = format!("account set {account}");
        let day = self.dice.within(1, 28);
        match self.dice.below(5) {
            0 => line.push_str(" --sharing off"),
            1 => line.push_str(" --sharing on"),
            2 => line = format!("{line} --left 2026-01-{day:02}"),
            3 => {
                let payer = self.pick(&PAYERS);
                line = format!("{line} --payer {payer} --joined 2026-02-{day:02}");
            }
            _ => {}
        }
        marked(&line, "--name", self.mark())
    }

    /// One to three bills in one input, of few contents, so that the same bill comes again.
    fn apply(&mut self, amend: bool) -> Step {
        let mut documents = Vec::new();
        let mut met = Vec::new();
        for _ in 0..self.dice.within(1, 3) {
            let (payer, month) = (self.pick(&PAYERS), self.pick(&MONTHS));
            let status = if self.dice.percent(25) {
                "estimated"
            } else {
                "final"
            };
            if !met.contains(&(payer.clone(), month.clone())) {
                documents.push(bill(&payer, &month, status, self.dice.below(3)));
                met.push((payer, month));
            }
        }
        let line = if amend { "apply --amend" } else { "apply" };
        Step {
            stdin: documents.join("\n"),
            ..step(line, About::Bills)
        }
    }

    fn reverse(&mut self) -> Step {
        let bill = format!("{}/{}", self.pick(&PAYERS), self.pick(&MONTHS));
        marked(&format!("reverse {bill}"), "--reason", self.mark())
    }

    fn replay(&mut self) -> Step {
        let month = self.pick(&MONTHS);
        step(&format!("replay --from {month}"), About::Replay)
    }

    fn closing(&mut self, what: &str) -> Step {
        // Early ones mostly: a ledger that is closed is a quiet place.
        let month = self.pick(&["2025-07", "2025-08", "2025-09", "2025-09", "2025-10"]);
        step(&format!("{what} {month}"), About::Closing)
    }

    fn question(&mut self, own: &[String]) -> Step {
        let dated = About::Question { dated: true };
        let bill = format!("{}/{}", self.pick(&PAYERS), self.pick(&MONTHS));
        match self.dice.below(21) {
            0..4 => step("balance", dated),
            4..8 => step("list", dated),
            8..12 => step("bills", dated),
            12 => step("verify --quick", About::Question { dated: false }),
            13 => step("verify", About::Question { dated: false }),
            14 => step("journal", About::Question { dated: false }),
            15 => {
                let credit = own.first().map_or("C2", String::as_str);
                step(&format!("show {credit}"), dated)
            }
            16 => step(&format!("statement {bill}"), dated),
            17 => step(&format!("explain {bill}"), dated),
            18 => step("account list", dated),
            19 => step("usage --by account", dated),
            _ => step("code list course", dated),
        }
    }
}

/// A ledger that is not there yet, in a folder with the offer file.
pub(super) fn a_place() -> Ledger {
    let ledger = Ledger::new();
    let terms = format!(r#"{{"offers": [{}]}}"#, offer("from-a-file", 1_000));
    ledger.folder.file(TERMS, terms);
    ledger
}

/// What is on record before the race: memberships, credits, an offer with codes, bills; entries
/// enough that a snapshot is due after `snapshot_after` more.
pub(super) fn before_the_race(snapshot_after: u64) -> Vec<Step> {
    let mut steps: Vec<Step> = [
        "grant --kind activate --amount 400 --account 111122223333 --start 2025-07-01",
        "grant --kind promotional --amount 250 --account 222233334444 --start 2025-07-01 --service AmazonEC2",
        "grant --kind earned --amount 300 --account 333344445555 --start 2025-08-15 --end 2026-06-30",
        "grant --kind promotional --amount 90 --account 111122223333 --start 2025-09-01 --end 2025-12-31",
        "account set 333344445555 --payer 111122223333 --joined 2025-06-15",
        "account set 444455556666 --payer 222233334444 --joined 2025-08-10",
    ]
    .iter()
    .map(|line| step(line, About::Always))
    .collect();
    let course = format!(r#"{{"offers": [{}]}}"#, offer("course", 12));
    steps.push(Step {
        stdin: course,
        ..step("offer add -", About::Offers)
    });
    let shared: Vec<String> = (0..SHARED_CODES / 2)
        .map(|at| format!("RACE{at:04}"))
        .collect();
    let line = format!("code add course {}", shared.join(" "));
    steps.push(step(&line, About::Codes));
    let bills = [
        bill(PAYER, "2025-09", "final", 0),
        bill(OTHER, "2025-09", "final", 1),
        bill(PAYER, "2025-10", "final", 2),
    ];
    steps.push(Step {
        stdin: bills.join("\n"),
        ..step("apply", About::Bills)
    });
    // The first entry opens the ledger.
    let recorded = 1 + 7 + SHARED_CODES / 2 + 3;
    let filling = 256_u64.saturating_sub(recorded + snapshot_after);
    let codes: String = (0..filling).map(|at| format!("FILL{at:04}\n")).collect();
    steps.push(Step {
        stdin: codes,
        ..step("code add course -", About::Codes)
    });
    steps
}

/// A command, and its `word` with the mark behind it.
fn marked(line: &str, word: &str, mark: String) -> Step {
    let mut step = step(line, About::Always);
    step.args.extend([word.to_owned(), mark.clone()]);
    step.mark = Some(mark);
    step
}

fn step(line: &str, about: About) -> Step {
    let args = ["--json"].into_iter().chain(line.split(' '));
    Step {
        args: args.map(str::to_owned).collect(),
        stdin: String::new(),
        about,
        dry: false,
        mark: None,
    }
}

fn offer(id: &str, redemptions: u64) -> String {
    format!(
        r#"{{"id": "{id}", "name": "Offer", "kind": "educational", "amount": "15", "currency": "USD",
            "valid_for": "P6M", "limits": {{"redemptions": {redemptions}, "per_account": 5}}}}"#
    )
    .replace('\n', " ")
}

/// A bill of one of few contents.
fn bill(payer: &str, month: &str, status: &str, content: u64) -> String {
    let charge = |id: &str, account: &str, service: &str, amount: u64| {
        serde_json::json!({
            "id": id, "account": account, "service": service,
            "amount": format!("{}.{:02}", amount / 100, amount % 100),
        })
    };
    let usage = if payer == PAYER { MEMBER } else { STUDENT };
    let mut charges = vec![
        charge("a", payer, "AmazonEC2", 2_050 + 1_317 * content),
        charge("b", usage, "AmazonS3", 1_275 + 903 * content),
    ];
    if content > 0 {
        charges.push(charge("c", usage, "AmazonEC2", 777 * content));
    }
    serde_json::json!({
        "account": payer, "month": month, "currency": "USD", "status": status, "charges": charges,
    })
    .to_string()
}
