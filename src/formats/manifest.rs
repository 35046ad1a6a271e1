//! Manifests: the small JSON documents by which a report says of which files it consists.
//!
//! A cost and usage report comes with `REPORT-Manifest.json`, which lists its files as `reportKeys`;
//! a data export with one in its `metadata` folder, which lists them as `dataFiles`:
//!
//! ```json
//! {"assemblyId": "…", "account": "111122223333", "reportName": "cur", "compression": "GZIP",
//!  "billingPeriod": {"start": "20260401T000000.000Z", "end": "20260501T000000.000Z"},
//!  "reportKeys": ["reports/cur/20260401-20260501/…/cur-00001.csv.gz"]}
//! {"executionId": "…", "exportName": "cur2", "dataFiles": ["s3://bucket/cur2/data/BILLING_PERIOD=2026-04/cur2-00001.csv.gz"]}
//! ```
//!
//! Of a part only the last piece of its path counts, since that is what a copy of it is called, and
//! not whether it is compressed, since it may have been unpacked. A report that is delivered anew
//! while its month is open has an edition, `assemblyId` or `executionId`: the files of two of them
//! have the same names and, mostly, the same rows, so they must not be added up.

use serde::Deserialize;

/// The longest manifest in bytes.
const MANIFEST_LIMIT: usize = 16 << 20;

/// What a manifest says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Manifest {
    /// The paths of the parts.
    pub(super) parts: Vec<String>,
    /// Of which report and which period it is, as far as it says.
    report: Option<(String, String)>,
    edition: Option<String>,
}

/// The fields of a manifest that matter here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shape {
    report_keys: Option<Vec<String>>,
    data_files: Option<Vec<String>>,
    report_name: Option<String>,
    export_name: Option<String>,
    export_arn: Option<String>,
    billing_period: Option<Period>,
    assembly_id: Option<String>,
    execution_id: Option<String>,
}

#[derive(Deserialize)]
struct Period {
    start: Option<String>,
}

impl Manifest {
    /// Reads a manifest; nothing where the text is none.
    pub(super) fn read(text: &str) -> Option<Manifest> {
        let may_be = text.len() <= MANIFEST_LIMIT
            && (text.contains("\"reportKeys\"") || text.contains("\"dataFiles\""));
        if !may_be {
            return None;
        }
        let shape: Shape = serde_json::from_str(text).ok()?;
        let parts = shape.report_keys.or(shape.data_files)?;
        let report = shape.report_name.or(shape.export_name).or(shape.export_arn);
        let period = shape.billing_period.and_then(|period| period.start);
        let period = period.or_else(|| partition(parts.first()?));
        Some(Manifest {
            parts,
            report: report.zip(period),
            edition: shape.assembly_id.or(shape.execution_id),
        })
    }

    /// Whether both are of one report and one period, in different editions.
    pub(super) fn is_other_edition_of(&self, other: &Manifest) -> bool {
        let differ = self.edition.is_some() && self.edition != other.edition;
        self.report.is_some() && self.report == other.report && differ
    }
}

/// The period that the path of a part names, as in `BILLING_PERIOD=2026-04`.
fn partition(part: &str) -> Option<String> {
    let pieces = part.split('/');
    let mut periods = pieces.filter_map(|piece| piece.strip_prefix("BILLING_PERIOD="));
    periods.next().map(str::to_owned)
}

/// The last piece of a path.
pub(super) fn base_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

/// The name of a part whether it is compressed or not.
pub(super) fn unpacked(name: &str) -> &str {
    let bare = |end| name.strip_suffix(end);
    bare(".gz").or_else(|| bare(".zip")).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn manifest(text: &str) -> Manifest {
        Manifest::read(text).expect("a manifest")
    }

    #[test]
    fn a_manifest_lists_its_parts() {
        let legacy = r#"{"assemblyId": "a", "account": "1", "columns": [{"category": "bill", "name": "InvoiceId"}],
            "reportKeys": ["x/y/cur-1.csv.gz", "cur-2.csv.zip"], "billingPeriod": {"start": "20260401T000000.000Z"}}"#;
        assert_eq!(
            manifest(legacy).parts,
            ["x/y/cur-1.csv.gz", "cur-2.csv.zip"]
        );
        let export = r#"{"executionId": "a", "dataFiles": ["s3://b/p/BILLING_PERIOD=2026-04/e-00001.csv.gz"]}"#;
        assert_eq!(
            manifest(export).parts,
            ["s3://b/p/BILLING_PERIOD=2026-04/e-00001.csv.gz"]
        );
        for other in [
            "{}",
            r#"{"reportKeys": 1}"#,
            r#"["reportKeys"]"#,
            r#"{"reportKeys": []"#,
        ] {
            assert_eq!(Manifest::read(other), None, "{other}");
        }
    }

    #[test]
    fn an_edition_is_told_from_another_of_the_same_report_and_period() {
        let legacy = |name: &str, start: &str, id: &str| {
            manifest(&format!(
                r#"{{"reportName": "{name}", "billingPeriod": {{"start": "{start}"}}, "assemblyId": "{id}", "reportKeys": ["a/{id}/c.csv"]}}"#
            ))
        };
        let export = |period: &str, id: &str| {
            manifest(&format!(
                r#"{{"exportName": "e", "executionId": "{id}", "dataFiles": ["s3://b/BILLING_PERIOD={period}/c.csv"]}}"#
            ))
        };
        let first = legacy("cur", "20260401", "x");
        assert!(first.is_other_edition_of(&legacy("cur", "20260401", "y")));
        assert!(!first.is_other_edition_of(&legacy("cur", "20260401", "x")));
        assert!(!first.is_other_edition_of(&legacy("cur", "20260501", "y")));
        assert!(!first.is_other_edition_of(&legacy("other", "20260401", "y")));
        assert!(export("2026-04", "x").is_other_edition_of(&export("2026-04", "y")));
        assert!(!export("2026-04", "x").is_other_edition_of(&export("2026-05", "y")));
        let unnamed = manifest(r#"{"reportKeys": ["a"], "assemblyId": "x"}"#);
        let other = manifest(r#"{"reportKeys": ["a"], "assemblyId": "y"}"#);
        assert!(!unnamed.is_other_edition_of(&other));
    }

    #[test]
    fn a_part_is_the_same_packed_and_unpacked() {
        for name in ["a.csv", "a.csv.gz", "a.csv.zip"] {
            assert_eq!(unpacked(name), "a.csv");
        }
        assert_eq!(base_name("s3://b/c/a.csv"), "a.csv");
        assert_eq!(base_name("a.csv"), "a.csv");
    }
}
