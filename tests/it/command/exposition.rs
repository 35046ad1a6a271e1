//! A strict reader of the text exposition format 0.0.4, in which a monitoring system is told figures.

use std::collections::BTreeMap;

/// Labels by name, and a value.
type Sample = (BTreeMap<String, String>, String);

/// Samples by measure.
pub(super) type Measures = BTreeMap<String, Vec<Sample>>;

fn is_name(name: &str) -> bool {
    let begins = |b: u8| b.is_ascii_alphabetic() || b == b'_';
    name.bytes().next().is_some_and(begins) && name.bytes().all(|b| begins(b) || b.is_ascii_digit())
}

fn is_decimal(value: &str) -> bool {
    let digits = value.strip_prefix('-').unwrap_or(value);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    plain(whole) && plain(fraction)
}

/// `{name="value",…}`, and what follows on it.
fn labels(text: &str) -> (BTreeMap<String, String>, &str) {
    let (mut labels, mut rest) = (BTreeMap::new(), text.strip_prefix('{').expect("a brace"));
    loop {
        let (name, after) = rest.split_once("=\"").expect("a label");
        assert!(is_name(name), "{text}");
        let (mut value, mut symbols) = (String::new(), after.char_indices());
        let end = loop {
            match symbols.next().expect("a quote at the end") {
                (at, '"') => break at,
                (_, '\\') => value.push(match symbols.next().expect("what is escaped").1 {
                    'n' => '\n',
                    escaped @ ('\\' | '"') => escaped,
                    other => panic!("`\\{other}` in {text}"),
                }),
                (_, symbol) => value.push(symbol),
            }
        };
        assert!(labels.insert(name.to_owned(), value).is_none(), "{text}");
        let after = &after[end + 1..];
        match after.strip_prefix(',') {
            Some(more) => rest = more,
            None => return (labels, after.strip_prefix('}').expect("a brace")),
        }
    }
}

/// Reads a document; whatever the format does not allow is a panic.
#[track_caller]
pub(super) fn measures(text: &str) -> Measures {
    assert!(text.ends_with('\n'), "{text}");
    let mut measures = Measures::new();
    let (mut described, mut current) = (String::new(), String::new());
    for line in text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, help) = help.split_once(' ').expect("some help");
            assert!(is_name(name) && !help.is_empty(), "{line}");
            described = name.to_owned();
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            assert_eq!(kind, format!("{described} gauge"));
            current.clone_from(&described);
            let before = measures.insert(current.clone(), Vec::new());
            assert!(before.is_none(), "`{current}` stands twice");
        } else {
            let rest = line.strip_prefix(&current).expect("a sample of it");
            let (labels, value) = match rest.starts_with('{') {
                true => labels(rest),
                false => (BTreeMap::new(), rest),
            };
            let value = value.strip_prefix(' ').expect("a space");
            assert!(is_decimal(value), "{line}");
            let samples = measures.get_mut(&current).expect("it has a type");
            assert!(
                samples.iter().all(|(others, _)| *others != labels),
                "{line}"
            );
            samples.push((labels, value.to_owned()));
        }
    }
    assert!(
        measures.values().all(|samples| !samples.is_empty()),
        "{text}"
    );
    measures
}

/// The samples of a measure, as `LABEL=VALUE… VALUE`.
#[track_caller]
pub(super) fn has(measures: &Measures, name: &str, expected: &[&str]) {
    let samples = measures.get(name).into_iter().flatten();
    let said: Vec<String> = samples
        .map(|(labels, value)| {
            let labels = labels
                .iter()
                .map(|(name, value)| format!("{name}={value} "));
            labels.collect::<String>() + value
        })
        .collect();
    assert_eq!(said, expected, "{name}");
}

/// That there is nothing to tell.
#[track_caller]
pub(super) fn is_down(text: &str) {
    let measures = measures(text);
    has(&measures, "credits_up", &["0"]);
    let names: Vec<&str> = measures.keys().map(String::as_str).collect();
    assert_eq!(names, ["credits_checked_timestamp_seconds", "credits_up"]);
}
