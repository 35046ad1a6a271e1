//! The command as a process: what a user could name. Each test has a ledger of its own in a folder
//! of its own, a fixed day and an empty environment.

pub(crate) mod aws; // credits, histories and reconciliation as AWS says
mod bills; // the same bill again, estimates, exact sums, questions about the past
mod checks; // limits that are recorded, and since when an alert holds
mod clocks; // the day and the entry that a question is about
mod codes; // codes minted, recorded, revoked, redeemed many at once
mod corrections; // bills amended, reversed and replayed, months closed
mod costs; // answers of Cost Explorer
mod course_story; // a course organiser's day
mod cron; // without a terminal, a home or a stdin; `check` at the edges of its limits
mod dice; // chance that can be had again
mod earning; // credits that spend and completed trainings earn
mod explains; // every reason that keeps a credit from a charge
mod exposition; // a strict reader of the format of Prometheus
mod finance_month; // forty accounts share a credit, one leaves, a month is closed
mod forecasts; // when credits run out, and what if
mod geography; // regions, patterns of them, countries
mod help; // help, examples, completions, manual pages, typing errors
mod input; // documents and arguments, good and bad
mod ledgers; // random sequences of commands against a naive model of a ledger
mod manners; // what a stranger would stumble over
mod operations; // credits paused, transferred, shared otherwise
mod organisations; // pools, circles, which offers an account may redeem
mod output; // streams, formats, colours, closed pipes, full disks
mod prometheus; // figures for a monitoring system, and that a broken ledger is seen
mod provider; // bills as the provider applied its own credits
mod races; // many processes at once, and processes that are killed
mod reading; // the journal read a second time, slowly
mod refusals; // every kind of error, with its status, message and advice
mod rehearsals; // every writing command with `--dry-run`
mod reports; // cost and usage reports in parts, packed, cut
mod roster; // who has a credit of an offer
pub(crate) mod secrets; // codes, file modes
mod services; // names of services and their aliases
mod splits; // credits split into parts
mod story; // sessions that a test prepares, kept as documentation
mod sums; // bills that are summed where they lie
pub(crate) mod support; // a ledger to try things on
mod usage; // who consumed what, for chargeback
mod why_card; // each cent on the card, and what would have covered it
