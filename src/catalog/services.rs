//! Services: their codes, and the other names that bills, credits and people give them.
//!
//! The table is `services.tsv` beside this file, which says where it is from and when it was read.
//! Names are compared without regard to case and to how much white space stands in them, except
//! that a text which is a code to the letter is that code. A name that stands on no line is
//! nobody's: there is no guessing.

use std::collections::BTreeMap;
use std::sync::LazyLock;

static TEXT: &str = include_str!("services.tsv");

static TABLE: LazyLock<Table> = LazyLock::new(|| Table::of(TEXT));

/// Whose service it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    /// Amazon Web Services.
    Aws,
    /// Microsoft Azure.
    Microsoft,
    /// Oracle Cloud.
    Oracle,
    /// Google Cloud.
    Google,
}

impl Provider {
    const ALL: [Provider; 4] = [
        Provider::Aws,
        Provider::Microsoft,
        Provider::Oracle,
        Provider::Google,
    ];

    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Provider::Aws => "aws",
            Provider::Microsoft => "microsoft",
            Provider::Oracle => "oracle",
            Provider::Google => "google",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Provider> {
        let mut all = Provider::ALL.into_iter();
        all.find(|provider| provider.as_str() == text)
    }
}

/// A service that is known here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownService {
    /// What it is called in the journal: its code in cost and usage reports (`AmazonEC2`), or its
    /// name where it has none.
    pub code: &'static str,
    /// Whose it is.
    pub provider: Provider,
    /// What to call it before people.
    pub name: &'static str,
    /// Other names and codes it goes by.
    pub others: Vec<&'static str>,
}

impl KnownService {
    fn of(line: &'static str) -> Option<KnownService> {
        let mut columns = line.split('\t');
        let (code, provider, name) = (columns.next()?, columns.next()?, columns.next()?);
        let others = columns.next().unwrap_or_default().split('|');
        Some(KnownService {
            code,
            provider: Provider::parse(provider)?,
            name,
            others: others.filter(|other| !other.is_empty()).collect(),
        })
    }

    /// Everything it is called, its code first.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        [self.code, self.name]
            .into_iter()
            .chain(self.others.iter().copied())
    }
}

/// Two texts that name the same service look the same here.
#[must_use]
pub fn comparable(name: &str) -> String {
    let mut words = name.split_whitespace().map(str::to_lowercase);
    let mut text = words.next().unwrap_or_default();
    for word in words {
        text.push(' ');
        text.push_str(&word);
    }
    text
}

struct Table {
    services: Vec<KnownService>,
    by_code: BTreeMap<&'static str, usize>,
    /// By comparable name; nothing where two services are called so.
    by_name: BTreeMap<String, Option<usize>>,
}

impl Table {
    fn of(text: &'static str) -> Table {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let services: Vec<KnownService> = lines.filter_map(KnownService::of).collect();
        let mut by_code = BTreeMap::new();
        let mut by_name: BTreeMap<String, Option<usize>> = BTreeMap::new();
        for (place, service) in services.iter().enumerate() {
            by_code.insert(service.code, place);
            for name in service.names() {
                let whose = by_name.entry(comparable(name)).or_insert(Some(place));
                if *whose != Some(place) {
                    *whose = None;
                }
            }
        }
        Table {
            services,
            by_code,
            by_name,
        }
    }

    fn find(&self, name: &str) -> Option<&KnownService> {
        let by_name = || self.by_name.get(&comparable(name)).copied().flatten();
        let place = self.by_code.get(name).copied().or_else(by_name)?;
        self.services.get(place)
    }
}

/// All services that are known, by provider and code.
#[must_use]
pub fn services() -> &'static [KnownService] {
    &TABLE.services
}

/// The service that a code or name stands for.
#[must_use]
pub fn service(name: &str) -> Option<&'static KnownService> {
    TABLE.find(name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_line_is_a_service() {
        let lines = TEXT.lines().filter(|line| !line.starts_with('#'));
        for line in lines.clone() {
            let service = KnownService::of(line).expect("code, provider and name");
            assert!(line.split('\t').count() <= 4, "{line}");
            for name in service.names() {
                assert!(!name.is_empty() && name.trim() == name, "{line}");
                assert!(!name.contains(char::is_control), "{line}");
            }
        }
        assert_eq!(lines.count(), services().len());
        assert!(services().len() > 400);
    }

    #[test]
    fn no_name_is_of_two_services_but_for_codes_that_differ_in_case_alone() {
        let unclear = TABLE.by_name.iter().filter(|(_, whose)| whose.is_none());
        let unclear: Vec<&str> = unclear.map(|(name, _)| name.as_str()).collect();
        assert_eq!(unclear, ["compute"]);
        for code in ["Compute", "COMPUTE"] {
            assert_eq!(service(code).map(|known| known.code), Some(code));
        }
        assert_eq!(service("compute"), None);
    }

    #[test]
    fn a_code_stands_once_and_is_itself() {
        let mut codes = BTreeSet::new();
        for known in services() {
            assert!(codes.insert(known.code), "{}", known.code);
            assert_eq!(service(known.code), Some(known));
        }
    }

    #[test]
    fn no_other_name_says_again_what_code_or_name_say() {
        for known in services() {
            let mut met: BTreeSet<String> = [known.code, known.name].map(comparable).into();
            for other in &known.others {
                assert!(met.insert(comparable(other)), "{}: {other}", known.code);
            }
        }
    }

    #[test]
    fn case_and_white_space_do_not_matter() {
        for name in [
            "AMAZON elastic  compute cloud -\u{a0}COMPUTE",
            "amazonec2",
            "eC2",
        ] {
            assert_eq!(service(name).map(|known| known.code), Some("AmazonEC2"));
        }
        for name in ["", " ", "Amazon EC 2", "AmazonEC2x", "ec2-"] {
            assert_eq!(service(name), None, "{name}");
        }
    }
}
