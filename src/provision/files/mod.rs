//! The kind `files`: one JSON file is one access. For trying nightlatch out, and for programs that read such a folder.
//!
//! Keys: `folder` (relative to the policy's file), `per = "grant"` (the default: one file a grant, named by its mark) or
//! `"user"` (one file a user and role, a membership that overlapping grants share), `bound` and `settles` (lengths).
//! A file holds its end, but nobody here acts on that, so this kind has no second lock. It must never follow a symbolic
//! link, never overwrite or unlink a file that does not carry our store's mark, and never show half a file.

mod folder;

use super::contract::{Act, Credential, DEFAULT_BOUND, Fault, Provisioner, Spec, Stray, store_of};
use super::keys;
use crate::policy::ProvisionerSettings;
use crate::text::Length;
use crate::text::words::shell;
use folder::Folder;
use futures_util::future::{BoxFuture, ready};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// The keys of this kind.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    folder: PathBuf,
    #[serde(default)]
    per: Per,
    #[serde(default, deserialize_with = "keys::length")]
    bound: Option<Length>,
    #[serde(default, deserialize_with = "keys::length")]
    settles: Option<Length>,
}

/// What one file stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Per {
    #[default]
    Grant,
    User,
}

/// A folder of access files.
struct Files {
    target: String,
    folder: Folder,
    per: Per,
    bound: Length,
    settles: Length,
}

/// Reads the keys; the folder itself is made by the first grant.
pub(super) fn build(name: &str, settings: &ProvisionerSettings, base: &Path) -> Result<Box<dyn Provisioner>, String> {
    let keys: Keys = keys::read(name, &settings.settings)?;
    if keys.folder.as_os_str().is_empty() {
        return Err(format!("[provisioners.{name}]: folder is empty: name the folder that holds the files"));
    }
    Ok(Box::new(Files {
        target: name.to_owned(),
        folder: Folder::new(base.join(keys.folder)),
        per: keys.per,
        bound: keys.bound.unwrap_or(DEFAULT_BOUND),
        settles: keys.settles.unwrap_or(Length::ZERO),
    }))
}

impl Files {
    /// The file's name without `.json`. Names and marks hold no slash and no dot, so it stays in its folder.
    fn stem(&self, spec: &Spec) -> String {
        match self.per {
            Per::Grant => spec.mark.clone(),
            Per::User => format!("{}.{}.{}", spec.system, spec.role, spec.user.id),
        }
    }

    /// Runs one act per spec on a thread that may block; a hung disk holds that thread, not the reconciler. What changes the
    /// folder is made to last once, after all of them.
    fn each<T: Send + 'static>(
        &self,
        specs: &[Spec],
        act: fn(&Folder, &str, &Spec) -> Result<T, Fault>,
        changes: bool,
    ) -> Act<'static, T> {
        let folder = self.folder.clone();
        let work: Vec<(String, Spec)> = specs.iter().map(|spec| (self.stem(spec), spec.clone())).collect();
        let count = work.len();
        Box::pin(async move {
            let all = move || {
                let one = |(stem, spec): &(String, Spec)| {
                    if store_of(&spec.mark).is_none() {
                        return Err(Fault::lasting(format!("{:?} is not a mark of ours", spec.mark)));
                    }
                    act(&folder, stem, spec)
                };
                let done: Vec<Result<T, Fault>> = work.iter().map(one).collect();
                match if changes { folder.sync() } else { Ok(()) } {
                    Ok(()) => done,
                    Err(fault) => done.into_iter().map(|done| done.and(Err(fault.clone()))).collect(),
                }
            };
            match tokio::task::spawn_blocking(all).await {
                Ok(answers) => answers,
                Err(_) => (0..count).map(|_| Err(interrupted())).collect(),
            }
        })
    }

    /// Runs one act on the folder on a thread that may block.
    fn once<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Folder) -> Result<T, Fault> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, Fault>> {
        let folder = self.folder.clone();
        Box::pin(async move {
            tokio::task::spawn_blocking(move || act(&folder)).await.unwrap_or_else(|_| Err(interrupted()))
        })
    }
}

fn interrupted() -> Fault {
    Fault::passing("the work on the folder was interrupted: it will be tried again")
}

impl Provisioner for Files {
    fn target(&self) -> &str {
        &self.target
    }
    fn key(&self, spec: &Spec) -> String {
        format!("{}/{}", self.target, self.stem(spec))
    }
    fn grant<'a>(&'a self, specs: &'a [Spec]) -> Act<'a, super::Granted> {
        self.each(specs, Folder::grant, true)
    }
    fn remove<'a>(&'a self, specs: &'a [Spec]) -> Act<'a, super::Removed> {
        self.each(specs, |folder, stem, spec| folder.remove(stem, spec).map(|()| super::Removed::default()), true)
    }
    fn observe<'a>(&'a self, specs: &'a [Spec]) -> Act<'a, super::Observation> {
        self.each(specs, Folder::observe, false)
    }
    fn hand<'a>(&'a self, _: &'a Spec) -> BoxFuture<'a, Result<Credential, Fault>> {
        Box::pin(ready(Err(Fault::lasting("this provisioner hands out no credential: the access is the file itself"))))
    }
    fn strays<'a>(&'a self, store: &'a str) -> BoxFuture<'a, Result<Vec<Stray>, Fault>> {
        let ours = super::contract::store_part(store);
        self.once(move |folder| folder.strays(&ours))
    }
    fn probe(&self) -> BoxFuture<'_, Result<(), Fault>> {
        self.once(Folder::probe)
    }
    fn by_hand(&self, spec: &Spec) -> String {
        format!("rm -f -- {}", shell(&self.folder.path(&self.stem(spec)).to_string_lossy()))
    }
    fn settles(&self) -> Length {
        self.settles
    }
    fn bound(&self) -> Length {
        self.bound
    }
    fn time_limit(&self) -> Length {
        Length::from_seconds(10)
    }
    fn at_once(&self) -> usize {
        256
    }
    fn second_lock(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests;
