//! What documents are called: in messages, and in manifests.

use std::path::Path;
use std::sync::Arc;

use crate::formats::fault::Excerpt;
use crate::formats::manifest;

/// What a document is called.
#[derive(Debug, Clone, Default)]
pub(super) struct Name {
    /// As it is shown, if it has a name.
    pub(super) shown: Option<Arc<str>>,
    /// The names by which a manifest may list it.
    pub(super) listed: Vec<String>,
}

impl Name {
    pub(super) fn of(shown: &str) -> Name {
        Name {
            shown: Some(shown.into()),
            listed: Vec::new(),
        }
    }

    pub(super) fn of_file(path: &Path) -> Name {
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        Name {
            shown: Some(format!("`{}`", path.display()).into()),
            listed: vec![manifest::unpacked(&file).to_owned()],
        }
    }

    pub(super) fn of_entry(&self, entry: &str) -> Name {
        let mut name = self.clone();
        let base = manifest::base_name(entry);
        name.listed.push(manifest::unpacked(base).to_owned());
        let archive = name.shown.as_deref();
        name.shown = archive.map(|archive| format!("{archive}, {}", Excerpt::of(entry)).into());
        name
    }

    pub(super) fn is_listed_as(&self, name: &str) -> bool {
        self.listed.iter().any(|listed| listed == name)
    }
}
