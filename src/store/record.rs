//! Entries as bytes, and the chain of hashes that binds them.
//!
//! An entry is one JSON object: command, instant, effective date, kind, version of the kind, and
//! a payload whose shape kind and version say. Old versions stay readable for ever and are turned
//! into today's events here; nothing on disk is rewritten.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::ledger::entry::{
    Basis, BillRecord, Booking, Cause, Entry, Event, LedgerId, Part, Reversal, Word,
};
use crate::ledger::names::{CreditId, RegionPattern};
use crate::ledger::offer::{Makes, Offer};
use crate::ledger::scope::CreditScope;
use crate::period::Month;

use super::checks::ChecksShape;
use super::lines::LinesDigest;
use super::shape::{
    AccountChangeShape, AllocationShape, CodeShape, EarnShape, Malformed, MeritShape, OfferShape,
    RulesShape, SharingShape, TermsShape, TotalsShape, account, amount, bill_id, credit_id, day,
    hex, offer_id, service, unhex,
};
use super::{Hash, Record, StoreError};

/// Sets these hashes apart from any other SHA-256 of the same bytes.
const DOMAIN: &[u8] = b"credits journal entry 1\n";

/// The hash of a record: SHA-256 over domain, number, previous hash, length and the exact bytes;
/// number and length as eight bytes, most significant first.
#[must_use]
pub fn chain(number: u64, previous: &Hash, bytes: &[u8]) -> Hash {
    Sha256::new()
        .chain_update(DOMAIN)
        .chain_update(number.to_be_bytes())
        .chain_update(previous)
        .chain_update((bytes.len() as u64).to_be_bytes())
        .chain_update(bytes)
        .finalize()
        .into()
}

/// The newest version of an event that this program writes, by its kind: a later one is of a newer
/// program, whatever it says.
fn newest(kind: &str) -> u32 {
    match kind {
        "bill_estimated" | "bill_booked" => 2,
        "credit_granted" | "code_redeemed" | "credit_made_good" | "offer_added" | "account_set" => {
            3
        }
        _ => 1,
    }
}

/// The version in which an event is written: 1, but for what the first one knew nothing of. Bills as
/// the provider applied credits to them are of the second; offers that say more than terms of codes,
/// attributes taken away, and scopes by patterns of regions of the third.
fn version(event: &Event) -> u32 {
    let has_pattern = |scope: &CreditScope| {
        let mut regions = scope.regions.named().into_iter().flatten();
        regions.any(RegionPattern::is_pattern)
    };
    let is_third = match event {
        Event::BillEstimated(record) => return of_basis(record.basis),
        Event::BillBooked(booking) => return of_basis(booking.bill.basis),
        Event::Granted { terms, .. }
        | Event::Redeemed { terms, .. }
        | Event::CreditMadeGood { terms, .. } => has_pattern(&terms.scope),
        Event::OfferAdded(offer) => {
            let by_code = matches!(offer.makes, Makes::ByCode(_));
            !by_code || offer.source.is_some() || has_pattern(&offer.scope)
        }
        Event::AccountSet(change) => !change.removed_attributes.is_empty(),
        _ => false,
    };
    if is_third { 3 } else { 1 }
}

fn of_basis(basis: Basis) -> u32 {
    match basis {
        Basis::Rules => 1,
        Basis::AsBilled => 2,
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope<'a> {
    command: u64,
    recorded: &'a str,
    effective: &'a str,
    kind: &'a str,
    version: u32,
    #[serde(borrow)]
    payload: &'a RawValue,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct OpenedShape {
    ledger: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct GrantedShape<'a> {
    account: String,
    #[serde(borrow)]
    terms: TermsShape<'a>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RedeemedShape<'a> {
    account: String,
    #[serde(borrow)]
    terms: TermsShape<'a>,
    code: CodeShape,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EarnedShape<'a> {
    account: String,
    #[serde(borrow)]
    terms: TermsShape<'a>,
    by: MeritShape,
}

/// The third version of an offer.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct OfferAddedShape {
    offer: OfferShape,
    earn: Option<EarnShape>,
    source: Option<String>,
}

impl OfferAddedShape {
    fn of(offer: &Offer) -> OfferAddedShape {
        OfferAddedShape {
            offer: OfferShape::of(offer),
            earn: EarnShape::of(&offer.makes),
            source: offer.source.clone(),
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CodeAddedShape {
    offer: String,
    code: CodeShape,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CodeRevokedShape {
    offer: String,
    code: CodeShape,
    reason: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EstimatedShape {
    bill: String,
    reference: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    basis: Option<String>,
    totals: TotalsShape,
    lines: LinesDigest,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct BookedShape {
    bill: String,
    reference: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    basis: Option<String>,
    totals: TotalsShape,
    rules: RulesShape,
    applied: Vec<AllocationShape>,
    lines: LinesDigest,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct VoidedShape {
    credit: String,
    amount: String,
    reason: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CreditOnlyShape {
    credit: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TransferredShape {
    credit: String,
    to: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SharedShape {
    credit: String,
    sharing: SharingShape,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct MadeGoodShape<'a> {
    account: String,
    #[serde(borrow)]
    terms: TermsShape<'a>,
    bill: String,
}

/// Name, amount, reference.
#[derive(Serialize, Deserialize)]
struct PartShape(String, String, Option<String>);

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SplitShape {
    credit: String,
    parts: Vec<PartShape>,
}

impl SplitShape {
    fn of(credit: CreditId, parts: &[Part]) -> SplitShape {
        let parts = parts.iter().map(|part| {
            let Part {
                name, reference, ..
            } = part.clone();
            PartShape(name, part.amount.text(0), reference)
        });
        SplitShape {
            credit: credit.to_string(),
            parts: parts.collect(),
        }
    }

    fn read(self) -> Result<Event, Malformed> {
        let parts = self
            .parts
            .into_iter()
            .map(|PartShape(name, worth, reference)| {
                Ok(Part {
                    name,
                    amount: amount(&worth)?,
                    reference,
                })
            });
        Ok(Event::CreditSplit {
            credit: credit_id(&self.credit)?,
            parts: parts.collect::<Result<_, Malformed>>()?,
        })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SaidShape {
    credit: String,
    enabled: Option<bool>,
    owner: Option<String>,
    sharing: Option<SharingShape>,
}

impl SaidShape {
    fn of(credit: CreditId, word: &Word) -> SaidShape {
        SaidShape {
            credit: credit.to_string(),
            enabled: word.enabled,
            owner: word.owner.as_ref().map(ToString::to_string),
            sharing: word.sharing.as_ref().map(SharingShape::of),
        }
    }

    fn read(self) -> Result<Event, Malformed> {
        Ok(Event::ProviderSaid {
            credit: credit_id(&self.credit)?,
            word: Word {
                enabled: self.enabled,
                owner: self.owner.as_deref().map(account).transpose()?,
                sharing: self.sharing.map(|shape| shape.read()).transpose()?,
            },
        })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct MatchedShape {
    name: String,
    credit: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReversedShape {
    bill: String,
    recorded_in: u64,
    given_back: Vec<AllocationShape>,
    cause: String,
    reason: Option<String>,
}

impl ReversedShape {
    fn of(reversal: &Reversal) -> ReversedShape {
        let (cause, reason) = match &reversal.cause {
            Cause::Reversed(reason) => ("reversed", Some(reason.clone())),
            Cause::Amended => ("amended", None),
            Cause::DecidedAnew => ("decided_anew", None),
        };
        ReversedShape {
            bill: reversal.bill.to_string(),
            recorded_in: reversal.recorded_in,
            given_back: reversal
                .given_back
                .iter()
                .map(AllocationShape::of)
                .collect(),
            cause: cause.to_owned(),
            reason,
        }
    }

    fn read(self) -> Result<Reversal, Malformed> {
        let cause = match (self.cause.as_str(), self.reason) {
            ("reversed", Some(reason)) => Cause::Reversed(reason),
            ("amended", None) => Cause::Amended,
            ("decided_anew", None) => Cause::DecidedAnew,
            (other, _) => {
                let other = other.escape_default();
                return Err(Malformed(format!("`{other}` is not why a bill goes")));
            }
        };
        Ok(Reversal {
            bill: bill_id(&self.bill)?,
            recorded_in: self.recorded_in,
            given_back: self
                .given_back
                .iter()
                .map(AllocationShape::read)
                .collect::<Result<_, _>>()?,
            cause,
        })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AliasedShape {
    alias: String,
    service: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct MonthShape {
    month: String,
}

impl MonthShape {
    fn read(self) -> Result<Month, Malformed> {
        Month::parse(&self.month).map_err(|error| Malformed(error.to_string()))
    }
}

/// An entry with what binds the lines kept beside it.
#[derive(Debug)]
pub struct Decoded {
    /// The entry.
    pub entry: Entry,
    /// Of an entry of a bill.
    pub lines: Option<LinesDigest>,
}

/// The bytes of an entry. `lines` is given for an entry of a bill.
///
/// # Errors
/// None that can happen: the shapes hold nothing that JSON cannot say.
pub(super) fn encode(entry: &Entry, lines: Option<LinesDigest>) -> Result<Vec<u8>, StoreError> {
    let lines = || lines.clone().unwrap_or_default();
    let payload = match &entry.event {
        Event::Opened(LedgerId(id)) => json(&OpenedShape { ledger: hex(id) }),
        Event::Granted { account, terms } => json(&GrantedShape {
            account: account.to_string(),
            terms: TermsShape::of(terms),
        }),
        Event::Redeemed {
            account,
            terms,
            code,
        } => json(&RedeemedShape {
            account: account.to_string(),
            terms: TermsShape::of(terms),
            code: CodeShape::of(code),
        }),
        Event::Earned { account, terms, by } => json(&EarnedShape {
            account: account.to_string(),
            terms: TermsShape::of(terms),
            by: MeritShape::of(by),
        }),
        Event::OfferAdded(offer) => match version(&entry.event) {
            1 => json(&OfferShape::of(offer)),
            _ => json(&OfferAddedShape::of(offer)),
        },
        Event::CodeAdded { offer, code } => json(&CodeAddedShape {
            offer: offer.to_string(),
            code: CodeShape::of(code),
        }),
        Event::CodeRevoked {
            offer,
            code,
            reason,
        } => json(&CodeRevokedShape {
            offer: offer.to_string(),
            code: CodeShape::of(code),
            reason: reason.clone(),
        }),
        Event::BillEstimated(record) => json(&EstimatedShape {
            bill: record.id.to_string(),
            reference: record.reference.clone(),
            basis: basis_text(record.basis),
            totals: TotalsShape::of(&record.totals),
            lines: lines(),
        }),
        Event::BillBooked(booking) => json(&BookedShape {
            bill: booking.bill.id.to_string(),
            reference: booking.bill.reference.clone(),
            basis: basis_text(booking.bill.basis),
            totals: TotalsShape::of(&booking.bill.totals),
            rules: RulesShape::of(&booking.rules),
            applied: booking.applied.iter().map(AllocationShape::of).collect(),
            lines: lines(),
        }),
        Event::BillReversed(reversal) => json(&ReversedShape::of(reversal)),
        Event::MonthClosed(month) | Event::MonthReopened(month) => json(&MonthShape {
            month: month.to_string(),
        }),
        Event::CreditVoided {
            credit,
            amount,
            reason,
        }
        | Event::CreditReduced {
            credit,
            amount,
            reason,
        } => json(&VoidedShape {
            credit: credit.to_string(),
            amount: amount.text(0),
            reason: reason.clone(),
        }),
        Event::CreditPaused(credit) | Event::CreditResumed(credit) => json(&CreditOnlyShape {
            credit: credit.to_string(),
        }),
        Event::CreditTransferred { credit, to } => json(&TransferredShape {
            credit: credit.to_string(),
            to: to.to_string(),
        }),
        Event::CreditShared { credit, sharing } => json(&SharedShape {
            credit: credit.to_string(),
            sharing: SharingShape::of(sharing),
        }),
        Event::CreditMadeGood {
            account,
            terms,
            bill,
        } => json(&MadeGoodShape {
            account: account.to_string(),
            terms: TermsShape::of(terms),
            bill: bill.to_string(),
        }),
        Event::CreditSplit { credit, parts } => json(&SplitShape::of(*credit, parts)),
        Event::ProviderSaid { credit, word } => json(&SaidShape::of(*credit, word)),
        Event::CreditMatched { name, credit } => json(&MatchedShape {
            name: name.clone(),
            credit: credit.to_string(),
        }),
        Event::AccountSet(change) => json(&AccountChangeShape::of(change)),
        Event::ServiceAliased { alias, service } => json(&AliasedShape {
            alias: alias.to_string(),
            service: service.to_string(),
        }),
        Event::ChecksSet(limits) => json(&ChecksShape::of(limits)),
    };
    let envelope = payload.and_then(RawValue::from_string).and_then(|payload| {
        json(&Envelope {
            command: entry.command,
            recorded: &entry.recorded.to_rfc3339_opts(SecondsFormat::Micros, true),
            effective: &entry.effective.to_string(),
            kind: entry.event.kind(),
            version: version(&entry.event),
            payload: &payload,
        })
    });
    envelope
        .map(String::into_bytes)
        .map_err(|error| StoreError::Damaged(error.to_string()))
}

fn json<T: Serialize>(shape: &T) -> serde_json::Result<String> {
    serde_json::to_string(shape)
}

/// The entry that a record holds.
///
/// # Errors
/// Bytes that this program did not write, and kinds or versions it does not know.
pub fn decode(record: &Record) -> Result<Decoded, StoreError> {
    let (number, bytes) = (record.number, record.bytes.as_slice());
    read_entry(number, bytes).map_err(|fault| match fault {
        Unread::Malformed(fault) => StoreError::Damaged(format!("entry {number}: {fault}")),
        Unread::Newer(what) => StoreError::NewerEntry(format!("entry {number} is {what}")),
    })
}

/// Why an entry cannot be read.
enum Unread {
    Malformed(Malformed),
    Newer(String),
}

impl From<Malformed> for Unread {
    fn from(malformed: Malformed) -> Unread {
        Unread::Malformed(malformed)
    }
}

fn read_entry(number: u64, bytes: &[u8]) -> Result<Decoded, Unread> {
    let envelope: Envelope<'_> = shaped(bytes)?;
    let recorded = DateTime::parse_from_rfc3339(envelope.recorded);
    let newer = || {
        let (kind, version) = (envelope.kind.escape_default(), envelope.version);
        Unread::Newer(format!("version {version} of `{kind}`"))
    };
    if !(1..=newest(envelope.kind)).contains(&envelope.version) {
        return Err(newer());
    }
    let payload = envelope.payload.get().as_bytes();
    let (event, lines) = read_event(envelope.kind, envelope.version, payload)?;
    // A name with a `*` in it was recorded before that made it a pattern.
    if envelope.version > version(&event) {
        return Err(newer());
    }
    let entry = Entry {
        number,
        command: envelope.command,
        recorded: recorded
            .map_err(|error| Malformed(error.to_string()))?
            .with_timezone(&Utc),
        effective: day(envelope.effective)?,
        event,
    };
    Ok(Decoded { entry, lines })
}

fn read_event(
    kind: &str,
    version: u32,
    payload: &[u8],
) -> Result<(Event, Option<LinesDigest>), Unread> {
    let event = match kind {
        "opened" => Event::Opened(LedgerId(unhex(&shaped::<OpenedShape>(payload)?.ledger)?)),
        "credit_granted" => {
            let shape: GrantedShape<'_> = shaped(payload)?;
            Event::Granted {
                account: account(&shape.account)?,
                terms: shape.terms.read()?,
            }
        }
        "code_redeemed" => {
            let shape: RedeemedShape<'_> = shaped(payload)?;
            let (account, terms) = (account(&shape.account)?, shape.terms.read()?);
            Event::Redeemed {
                account,
                terms,
                code: shape.code.read()?,
            }
        }
        "credit_earned" => {
            let shape: EarnedShape<'_> = shaped(payload)?;
            Event::Earned {
                account: account(&shape.account)?,
                terms: shape.terms.read()?,
                by: shape.by.read()?,
            }
        }
        "offer_added" if version == 1 => {
            Event::OfferAdded(shaped::<OfferShape>(payload)?.read(None, None)?)
        }
        "offer_added" => {
            let shape: OfferAddedShape = shaped(payload)?;
            Event::OfferAdded(shape.offer.read(shape.earn, shape.source)?)
        }
        "code_added" => {
            let shape: CodeAddedShape = shaped(payload)?;
            Event::CodeAdded {
                offer: offer_id(&shape.offer)?,
                code: shape.code.read()?,
            }
        }
        "code_revoked" => {
            let shape: CodeRevokedShape = shaped(payload)?;
            Event::CodeRevoked {
                offer: offer_id(&shape.offer)?,
                code: shape.code.read()?,
                reason: shape.reason,
            }
        }
        "bill_estimated" => {
            let shape: EstimatedShape = shaped(payload)?;
            let record = BillRecord {
                id: bill_id(&shape.bill)?,
                reference: shape.reference,
                basis: basis(shape.basis.as_deref())?,
                totals: shape.totals.read()?,
            };
            return Ok((Event::BillEstimated(record), Some(shape.lines)));
        }
        "bill_booked" => {
            let shape: BookedShape = shaped(payload)?;
            let booking = Booking {
                bill: BillRecord {
                    id: bill_id(&shape.bill)?,
                    reference: shape.reference,
                    basis: basis(shape.basis.as_deref())?,
                    totals: shape.totals.read()?,
                },
                rules: shape.rules.read()?,
                applied: shape
                    .applied
                    .iter()
                    .map(AllocationShape::read)
                    .collect::<Result<_, _>>()?,
            };
            return Ok((Event::BillBooked(booking), Some(shape.lines)));
        }
        "bill_reversed" => Event::BillReversed(shaped::<ReversedShape>(payload)?.read()?),
        "month_closed" => Event::MonthClosed(shaped::<MonthShape>(payload)?.read()?),
        "month_reopened" => Event::MonthReopened(shaped::<MonthShape>(payload)?.read()?),
        "credit_voided" => {
            let shape: VoidedShape = shaped(payload)?;
            Event::CreditVoided {
                credit: credit_id(&shape.credit)?,
                amount: amount(&shape.amount)?,
                reason: shape.reason,
            }
        }
        "credit_reduced" => {
            let shape: VoidedShape = shaped(payload)?;
            Event::CreditReduced {
                credit: credit_id(&shape.credit)?,
                amount: amount(&shape.amount)?,
                reason: shape.reason,
            }
        }
        "credit_paused" => {
            Event::CreditPaused(credit_id(&shaped::<CreditOnlyShape>(payload)?.credit)?)
        }
        "credit_resumed" => {
            Event::CreditResumed(credit_id(&shaped::<CreditOnlyShape>(payload)?.credit)?)
        }
        "credit_transferred" => {
            let shape: TransferredShape = shaped(payload)?;
            Event::CreditTransferred {
                credit: credit_id(&shape.credit)?,
                to: account(&shape.to)?,
            }
        }
        "credit_shared" => {
            let shape: SharedShape = shaped(payload)?;
            Event::CreditShared {
                credit: credit_id(&shape.credit)?,
                sharing: shape.sharing.read()?,
            }
        }
        "credit_made_good" => {
            let shape: MadeGoodShape<'_> = shaped(payload)?;
            Event::CreditMadeGood {
                account: account(&shape.account)?,
                terms: shape.terms.read()?,
                bill: bill_id(&shape.bill)?,
            }
        }
        "credit_split" => shaped::<SplitShape>(payload)?.read()?,
        "provider_said" => shaped::<SaidShape>(payload)?.read()?,
        "credit_matched" => {
            let shape: MatchedShape = shaped(payload)?;
            Event::CreditMatched {
                credit: credit_id(&shape.credit)?,
                name: shape.name,
            }
        }
        "account_set" => Event::AccountSet(shaped::<AccountChangeShape>(payload)?.read()?),
        "service_aliased" => {
            let shape: AliasedShape = shaped(payload)?;
            Event::ServiceAliased {
                alias: service(&shape.alias)?,
                service: service(&shape.service)?,
            }
        }
        "checks_set" => Event::ChecksSet(shaped::<ChecksShape>(payload)?.read()?),
        other => {
            let kind = other.escape_default();
            return Err(Unread::Newer(format!("of kind `{kind}`")));
        }
    };
    Ok((event, None))
}

/// Nothing is written of a bill that rests on the rules, as when there were no others.
fn basis_text(basis: Basis) -> Option<String> {
    (basis != Basis::Rules).then(|| basis.as_str().to_owned())
}

fn basis(text: Option<&str>) -> Result<Basis, Malformed> {
    match text {
        None => Ok(Basis::Rules),
        Some("as_billed") => Ok(Basis::AsBilled),
        Some(other) => {
            let other = other.escape_default();
            Err(Malformed(format!("`{other}` is nothing a bill rests on")))
        }
    }
}

fn shaped<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Malformed> {
    serde_json::from_slice(bytes).map_err(|error| Malformed(error.to_string()))
}

/// What an entry is about, by which it is found again.
#[must_use]
pub fn subjects(event: &Event) -> Vec<String> {
    match event {
        Event::CodeAdded { offer, code } => {
            vec![code_subject(&code.hash), offer_subject(offer.as_str())]
        }
        Event::Redeemed { code, .. } | Event::CodeRevoked { code, .. } => {
            vec![code_subject(&code.hash)]
        }
        _ => Vec::new(),
    }
}

/// The subject of the entries about a code.
#[must_use]
pub fn code_subject(hash: &[u8; 32]) -> String {
    format!("code:{}", hex(hash))
}

/// The subject of the entries that add codes to an offer.
#[must_use]
pub fn offer_subject(offer: &str) -> String {
    format!("offer:{offer}")
}
