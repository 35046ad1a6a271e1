//! Bills in the naive ledger: booked in month order, or kept as estimates.

use super::calendar::last_day;
use super::naive::{Bill, BillKey, Move, Naive, Why, bill_name, used};
use super::naive_commands::{refused, unusable};
use super::request::Document;
use super::told::{Answer, Refused, Stated};
use crate::model::{Charge, Line};

/// How a bill that is handed in stands to what is on record.
pub(crate) enum Stands {
    /// The same is on record, in this entry.
    Same(u64),
    /// It can be recorded as it comes.
    Next,
    /// Only a correction can record it; otherwise it is refused so.
    Corrects(&'static str),
}

impl Naive {
    pub(crate) fn apply(&mut self, documents: &[Document], amend: bool) -> Result<Answer, Refused> {
        let mut documents = documents.to_vec();
        documents.sort_by_key(|document| document.key());
        for pair in documents.windows(2) {
            let one_bill = pair[0].key() == pair[1].key() && pair[0].is_final == pair[1].is_final;
            if one_bill && !same_charges(&pair[0].bill.charges, &pair[1].bill.charges) {
                return unusable("bad_input");
            }
        }
        let (corrected, changed) = match amend {
            true => self.amend(&documents)?,
            false => Default::default(),
        };
        let mut became = vec![];
        for document in &documents {
            became.push(match self.stands(document)? {
                Stands::Same(entry) => (entry, !corrected.contains(&document.key())),
                Stands::Next => (self.take(document), false),
                Stands::Corrects(kind) => return refused(kind),
            });
        }
        let stated = documents
            .iter()
            .zip(became)
            .map(|(document, (entry, already))| {
                let key = document.key();
                Stated {
                    bill: bill_name(&key),
                    is_final: self.bills[&key].is_final,
                    entry: Some(entry),
                    already,
                    statement: self.statement(&key),
                    changed: match corrected.contains(&key) {
                        true => changed.clone(),
                        false => vec![],
                    },
                }
            });
        Ok(Answer::Statements(stated.collect()))
    }

    /// How a bill that is handed in stands to what is on record.
    pub(crate) fn stands(&self, document: &Document) -> Result<Stands, Refused> {
        let key = document.key();
        let known = self.bills.get(&key);
        let booked = known.filter(|bill| bill.is_final);
        if let Some(known) = known {
            let same = same_charges(&known.charges, &document.bill.charges);
            if same && (known.is_final || !document.is_final) {
                return Ok(Stands::Same(known.entry));
            }
        }
        if booked.is_some() && !document.is_final {
            return refused("already_final");
        }
        if self.is_closed(&key.0) {
            return refused("month_closed");
        }
        if booked.is_some() {
            return Ok(Stands::Corrects("bill_differs"));
        }
        if document.is_final && self.comes_late(&key) {
            return Ok(Stands::Corrects("out_of_order"));
        }
        Ok(Stands::Next)
    }

    /// Takes a bill that comes in its order.
    fn take(&mut self, document: &Document) -> u64 {
        let (key, charges) = (document.key(), &document.bill.charges);
        if document.is_final {
            let lines = self.decide(&key, charges, &self.left_now());
            let entry = self.book(&key, charges, lines);
            self.settle(&key, Some(charges));
            entry
        } else {
            self.estimate(&key, charges)
        }
    }

    /// Whether a later month of the same payer and currency is booked.
    pub(crate) fn comes_late(&self, (month, payer, currency): &BillKey) -> bool {
        self.bills.iter().any(|(other, bill)| {
            bill.is_final && other.0 > *month && other.1 == *payer && other.2 == *currency
        })
    }

    fn estimate(&mut self, key: &BillKey, charges: &[Charge]) -> u64 {
        let effective = last_day(&key.0).min(self.today.clone());
        let entry = self.record("bill_estimated", &effective);
        let bill = Bill {
            is_final: false,
            entry,
            effective,
            charges: charges.to_vec(),
            lines: vec![],
        };
        self.bills.insert(key.clone(), bill);
        entry
    }

    /// Books a bill as it was decided.
    pub(crate) fn book(&mut self, key: &BillKey, charges: &[Charge], lines: Vec<Line>) -> u64 {
        let effective = last_day(&key.0).min(self.today.clone());
        let entry = self.record("bill_booked", &effective);
        for credit in &mut self.credits {
            if let Some(amount) = used(&lines).get(&credit.terms.id) {
                credit.moves.push(Move {
                    entry,
                    effective: effective.clone(),
                    why: Why::Applied,
                    amount: *amount,
                });
            }
        }
        let bill = Bill {
            is_final: true,
            entry,
            effective,
            charges: charges.to_vec(),
            lines,
        };
        self.bills.insert(key.clone(), bill);
        entry
    }
}

impl Document {
    pub(crate) fn key(&self) -> BillKey {
        let bill = &self.bill;
        (
            bill.month.clone(),
            bill.payer.clone(),
            bill.currency.clone(),
        )
    }
}

/// Whether the same is charged, in whatever order and by whatever ids and descriptions.
pub(crate) fn same_charges(ours: &[Charge], theirs: &[Charge]) -> bool {
    let sorted = |charges: &[Charge]| {
        let mut all: Vec<_> = charges
            .iter()
            .map(|one| {
                let when = (one.start.clone(), one.end.clone());
                let what = (one.category.clone(), one.amount);
                (
                    one.account.clone(),
                    one.service.clone(),
                    one.region.clone(),
                    when,
                    what,
                )
            })
            .collect();
        all.sort();
        all
    };
    sorted(ours) == sorted(theirs)
}
