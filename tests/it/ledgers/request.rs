//! What may be asked of a ledger, in the words of the model and as a command line.
//!
//! A request says everything: which credit, which days, which charges. So a sequence of requests
//! can be printed, and typed into a shell.

use std::fmt;

use serde_json::{Value, json};

use crate::model::{Bill, Charge, Credit, Share, Which};

/// Something to ask.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Request {
    /// The day changes; nobody is asked anything.
    Today(String),
    /// Any of the commands that may put something on record.
    Command(Box<Command>),
}

/// A command that may put something on record.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Command {
    pub(crate) what: What,
    /// Nothing is to be recorded.
    pub(crate) dry_run: bool,
}

/// What a command is to do.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum What {
    Grant {
        account: Option<String>,
        credit: Credit,
        used: i128,
    },
    AddOffer(Offer),
    AddCodes {
        offer: String,
        codes: Vec<String>,
    },
    Redeem {
        code: String,
        account: Option<String>,
        worth: Worth,
    },
    Void {
        credit: String,
        reason: String,
        on: Option<String>,
    },
    Pause {
        credit: String,
        on: Option<String>,
    },
    Resume {
        credit: String,
        on: Option<String>,
    },
    Share {
        credit: String,
        with: Share,
        on: Option<String>,
    },
    Transfer {
        credit: String,
        to: String,
        on: Option<String>,
    },
    Split {
        credit: String,
        amounts: Vec<i128>,
        on: Option<String>,
    },
    SetAccount(Change),
    Apply {
        documents: Vec<Document>,
        amend: bool,
    },
    Reverse {
        bill: String,
        reason: String,
    },
    Replay {
        from: String,
    },
    Close {
        month: String,
    },
    Reopen {
        month: String,
    },
}

/// What a code is worth that is redeemed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Worth {
    OnRecord,
    Offer(String),
    Terms(Box<Credit>),
}

/// Terms from which codes make credits.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Offer {
    pub(crate) id: String,
    /// Its terms but for the dates: what it says of a credit.
    pub(crate) credit: Credit,
    pub(crate) end: End,
    pub(crate) redeem_by: Option<String>,
    pub(crate) attributes_any: Option<Vec<String>>,
    pub(crate) countries: Option<Vec<String>>,
    pub(crate) redemptions: Option<usize>,
    pub(crate) per_account: Option<usize>,
    pub(crate) transferable: bool,
    /// Spend makes its credits, not codes.
    pub(crate) reward: Option<Reward>,
}

/// What a month earns by an offer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reward {
    pub(crate) at_least: i128,
    pub(crate) percent: i128,
    pub(crate) cap: i128,
}

/// When credits of an offer end.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum End {
    Never,
    On(String),
    /// So many months after they began.
    Months(u32),
}

/// A change to what is on record of an account.
#[derive(Clone, Debug, PartialEq, Default)]
pub(crate) struct Change {
    pub(crate) account: String,
    pub(crate) joins: Option<(String, String)>,
    pub(crate) leaves: Option<String>,
    pub(crate) sharing: Option<bool>,
    pub(crate) country: Option<String>,
    pub(crate) attribute: Option<String>,
    pub(crate) default: bool,
    pub(crate) on: Option<String>,
}

/// A bill that is handed in.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Document {
    pub(crate) bill: Bill,
    pub(crate) is_final: bool,
}

impl Command {
    /// The words of the command line.
    pub(crate) fn words(&self) -> Vec<String> {
        let mut words = match &self.what {
            What::Grant {
                account,
                credit,
                used,
            } => {
                let mut words = split("grant");
                flag(&mut words, "--account", account.as_deref());
                words.extend(terms(credit));
                let used = (*used != 0).then(|| amount(*used));
                flag(&mut words, "--used", used.as_deref());
                words
            }
            What::AddOffer(_) => split("offer add -"),
            What::AddCodes { offer, codes } => {
                let mut words = split("code add");
                words.push(offer.clone());
                words.extend(codes.iter().cloned());
                words
            }
            What::Redeem {
                code,
                account,
                worth,
            } => {
                let mut words = vec!["redeem".to_owned(), code.clone()];
                flag(&mut words, "--account", account.as_deref());
                match worth {
                    Worth::OnRecord => {}
                    Worth::Offer(id) => flag(&mut words, "--offer", Some(id)),
                    Worth::Terms(credit) => words.extend(terms(credit)),
                }
                words
            }
            What::Void { credit, reason, on } => {
                let mut words = vec!["void".to_owned(), credit.clone()];
                flag(&mut words, "--reason", Some(reason));
                flag(&mut words, "--on", on.as_deref());
                words
            }
            What::Pause { credit, on } => about("pause", credit, &[], on.as_ref()),
            What::Resume { credit, on } => about("resume", credit, &[], on.as_ref()),
            What::Share { credit, with, on } => {
                let with = match with {
                    Share::Default => vec!["default".to_owned()],
                    Share::Disabled => vec!["disabled".to_owned()],
                    Share::Custom(accounts) => accounts.clone(),
                };
                about("share", credit, &with, on.as_ref())
            }
            What::Transfer { credit, to, on } => {
                let to = ["--to".to_owned(), to.clone()];
                about("transfer", credit, &to, on.as_ref())
            }
            What::Split {
                credit,
                amounts,
                on,
            } => {
                let amounts: Vec<String> = amounts.iter().map(|one| amount(*one)).collect();
                about("split", credit, &amounts, on.as_ref())
            }
            What::SetAccount(change) => change.words(),
            What::Apply { amend, .. } => split(if *amend { "apply --amend" } else { "apply" }),
            What::Reverse { bill, reason } => {
                let mut words = vec!["reverse".to_owned(), bill.clone()];
                flag(&mut words, "--reason", Some(reason));
                words
            }
            What::Replay { from } => split(&format!("replay --from {from}")),
            What::Close { month } => split(&format!("close {month}")),
            What::Reopen { month } => split(&format!("reopen {month}")),
        };
        if self.dry_run {
            words.push("--dry-run".to_owned());
        }
        words
    }

    /// What it reads from stdin.
    pub(crate) fn input(&self) -> String {
        match &self.what {
            What::AddOffer(offer) => offer.json().to_string(),
            What::Apply { documents, .. } => {
                let documents = documents.iter().map(|document| document.json().to_string());
                documents.collect::<Vec<_>>().join("\n")
            }
            _ => String::new(),
        }
    }
}

/// As it is typed into a shell.
impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let command = match self {
            Request::Today(day) => return write!(f, "export CREDITS_TODAY={day}"),
            Request::Command(command) => command,
        };
        let quoted = |word: &String| {
            let plain = |c: char| c.is_ascii_alphanumeric() || "-./_,:".contains(c);
            match word.chars().all(plain) {
                true => word.clone(),
                false => format!("'{word}'"),
            }
        };
        let words: Vec<String> = command.words().iter().map(quoted).collect();
        write!(f, "credits {}", words.join(" "))?;
        let input = command.input();
        if input.is_empty() {
            return Ok(());
        }
        write!(f, " <<'END'\n{input}\nEND")
    }
}

fn split(words: &str) -> Vec<String> {
    words.split(' ').map(str::to_owned).collect()
}

/// A command about one credit, and the day on which it is done.
fn about(command: &str, credit: &str, rest: &[String], on: Option<&String>) -> Vec<String> {
    let mut words = vec![command.to_owned(), credit.to_owned()];
    words.extend(rest.iter().cloned());
    flag(&mut words, "--on", on.map(String::as_str));
    words
}

fn flag(words: &mut Vec<String>, name: &str, value: Option<&str>) {
    if let Some(value) = value {
        words.push(name.to_owned());
        words.push(value.to_owned());
    }
}

fn terms(credit: &Credit) -> Vec<String> {
    let mut words = Vec::new();
    let mut say = |name: &str, value: &str| flag(&mut words, name, Some(value));
    say("--kind", &credit.kind);
    say("--amount", &amount(credit.left));
    say("--currency", &credit.currency);
    say("--start", &credit.start);
    if let Some(end) = &credit.end {
        say("--end", end);
    }
    let mut which = |only: &str, except: &str, which: &Which| match which {
        Which::All => {}
        Which::Only(names) => names.iter().for_each(|name| say(only, name)),
        Which::Except(names) => names.iter().for_each(|name| say(except, name)),
    };
    which("--service", "--exclude-service", &credit.services);
    which("--region", "--exclude-region", &credit.regions);
    which("--category", "--exclude-category", &credit.categories);
    match &credit.share {
        Share::Default => {}
        Share::Disabled => say("--share", "disabled"),
        Share::Custom(accounts) => say("--share", &accounts.join(",")),
    }
    if credit.before_discounts {
        say("--stage", "before_discounts");
    }
    if credit.start_by_day {
        say("--start-rule", "day");
    }
    if credit.end_by_month {
        say("--end-rule", "month");
    }
    words
}

impl Change {
    fn words(&self) -> Vec<String> {
        let mut words = split("account set");
        words.push(self.account.clone());
        if let Some((payer, joined)) = &self.joins {
            flag(&mut words, "--payer", Some(payer));
            flag(&mut words, "--joined", Some(joined));
        }
        flag(&mut words, "--left", self.leaves.as_deref());
        let sharing = self.sharing.map(|on| if on { "on" } else { "off" });
        flag(&mut words, "--sharing", sharing);
        flag(&mut words, "--country", self.country.as_deref());
        flag(&mut words, "--attribute", self.attribute.as_deref());
        flag(&mut words, "--on", self.on.as_deref());
        if self.default {
            words.push("--default".to_owned());
        }
        words
    }
}

impl Offer {
    fn json(&self) -> Value {
        let credit = &self.credit;
        let named = |which: &Which| match which {
            Which::Only(names) => json!(names),
            _ => Value::Null,
        };
        let excluded = |which: &Which| match which {
            Which::Except(names) => json!(names),
            _ => Value::Null,
        };
        let valid_for = match &self.end {
            End::Months(count) if count % 12 == 0 => json!(format!("P{}Y", count / 12)),
            End::Months(count) => json!(format!("P{count}M")),
            _ => Value::Null,
        };
        let end_date = match &self.end {
            End::On(day) => json!(day),
            _ => Value::Null,
        };
        let earn = self.reward.as_ref().map(|reward| {
            json!({
                "when": "spend", "at_least": amount(reward.at_least), "per": "month",
                "percent": reward.percent.to_string(), "cap": amount(reward.cap),
            })
        });
        json!({"offers": [{
            "id": self.id, "name": self.id, "kind": credit.kind,
            "amount": self.reward.is_none().then(|| amount(credit.left)), "currency": credit.currency,
            "end_date": end_date, "valid_for": valid_for, "redeem_by": self.redeem_by,
            "services": named(&credit.services), "exclude_services": excluded(&credit.services),
            "regions": named(&credit.regions),
            "categories": named(&credit.categories),
            "exclude_categories": excluded(&credit.categories),
            "eligible": {"attributes_any": self.attributes_any, "countries": self.countries},
            "transferable": self.transferable,
            "earn": earn,
            "limits": {"redemptions": self.redemptions, "per_account": self.per_account},
        }]})
    }
}

impl Document {
    fn json(&self) -> Value {
        let Bill {
            payer,
            month,
            currency,
            charges,
        } = &self.bill;
        json!({
            "account": payer, "month": month, "currency": currency,
            "status": if self.is_final { "final" } else { "estimated" },
            "charges": charges.iter().map(charge).collect::<Vec<Value>>(),
        })
    }
}

fn charge(charge: &Charge) -> Value {
    json!({
        "id": charge.id, "account": charge.account, "service": charge.service,
        "region": charge.region, "category": charge.category, "amount": amount(charge.amount),
        "start": charge.start, "end": charge.end, "description": charge.description,
    })
}

/// An amount in counts of 10^-18 as a decimal.
pub(crate) fn amount(units: i128) -> String {
    let digits = format!("{:019}", units.abs());
    let (whole, fraction) = digits.split_at(digits.len() - 18);
    let sign = if units < 0 { "-" } else { "" };
    match fraction.trim_end_matches('0') {
        "" => format!("{sign}{whole}"),
        fraction => format!("{sign}{whole}.{fraction}"),
    }
}

/// A decimal in counts of 10^-18.
pub(crate) fn units(text: &str) -> i128 {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = format!("{whole}{fraction:0<18}");
    digits.parse().expect("an amount")
}

#[test]
fn amounts_are_written_and_read_to_the_last_digit() {
    for (units_of, text) in [
        (0, "0"),
        (1, "0.000000000000000001"),
        (-15 * 10_i128.pow(17), "-1.5"),
    ] {
        assert_eq!(amount(units_of), text);
        assert_eq!(units(text), units_of);
    }
    assert_eq!(units("-0.50"), -5 * 10_i128.pow(17));
}
