//! The one integration program. A line a module: what a user could name is asserted here, from
//! the rule alone up to the command as a process.

mod as_billed; // invariants of bills as billed, on random rows
mod codes; // minted codes: drawn, typed, found out
mod command; // the binary: answers, statuses, messages, races, kills
mod damage; // power cuts, damaged and foreign files, kills
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod faults; // the binary under kills, failing calls, full disks, read-only folders
mod focus; // tables of FOCUS, whichever provider's
mod formats; // documents of others, whole and damaged
mod groups; // sums that an engine made where a bill lies
mod journal; // snapshots and entries say the same
mod kept; // the charges of ledgers that no file holds
mod large; // documents that several threads share
mod layering; // the rooms and the one direction of flow
mod ledgers; // random sequences of commands against a naive model of a ledger
mod model; // an independent, naive model of the rule
mod organisations; // members that move, sharing that is switched, resellers
mod parquet; // Parquet files in whatever types
mod programs; // the offers of real programs in `examples`
mod properties; // the rule against the model, and the invariants
mod random; // random bills and credits, in the words of the model
mod reports; // cost and usage reports of every shape, in parts, compressed, cut
mod rules; // worked examples of every rule
mod series; // forecasts on real series
mod services; // names of services, at the door and in the journal
mod store_sqlite; // the journal on disk
mod transcripts; // what people see, which is also documentation
mod types; // the words of the model in the types of the library
mod why_card; // why the card pays, on random bills
