//! Imports between the files of a crate must form no circle: then each file can
//! be read after those that it imports.
//!
//! A file imports another one if its code names an item that is defined there:
//! in a `use`, or by a path that begins with `crate`, `self`, `super` or a module.
//! A re-export (`pub use`) is not an import of the file that has it; whoever uses it
//! imports the file where the item is defined. Test code is not checked.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use quote::ToTokens;
use syn::{
    Attribute, Item, UseTree, Visibility,
    visit::{self, Visit},
};

use crate::step::root;

/// Fails if the imports of any crate in `crates` form a circle.
pub(crate) fn none() -> Result<()> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root()?.join("crates"))? {
        let source = entry?.path().join("src");
        for circle in of_crate(&source)? {
            found.push(circle);
        }
    }
    if found.is_empty() {
        Ok(())
    } else {
        found.sort();
        bail!("imports form circles:\n{}", found.join("\n"))
    }
}

/// The circles in the crate whose `lib.rs` is in `source`, each as a text.
fn of_crate(source: &Path) -> Result<Vec<String>> {
    let mut tree = Tree::default();
    tree.read_file(&source.join("lib.rs"), source, Vec::new())?;
    let edges = tree.edges();
    Ok(circles(&edges)
        .into_iter()
        .map(|files| describe(&files, &edges, source))
        .collect())
}

/// The modules of a crate.
#[derive(Default)]
struct Tree {
    modules: BTreeMap<Vec<String>, Module>,
}

struct Module {
    file: PathBuf,
    /// Names that are defined here, modules excluded.
    items: BTreeSet<String>,
    /// The meaning of a name that is imported here: a path, and whether that
    /// is a re-export.
    uses: Vec<Use>,
    /// Paths that the code names.
    paths: Vec<Vec<String>>,
}

struct Use {
    name: String,
    path: Vec<String>,
    is_export: bool,
}

/// Which file imports which, and by which name.
type Edges = BTreeMap<PathBuf, BTreeMap<PathBuf, String>>;

impl Tree {
    /// Reads the module `path` in `file`; its children are in `directory`.
    fn read_file(&mut self, file: &Path, directory: &Path, path: Vec<String>) -> Result<()> {
        let text = fs::read_to_string(file).with_context(|| file.display().to_string())?;
        let parsed = syn::parse_file(&text).with_context(|| file.display().to_string())?;
        self.read_items(&parsed.items, file, directory, path)
    }

    fn read_items(
        &mut self,
        items: &[Item],
        file: &Path,
        directory: &Path,
        path: Vec<String>,
    ) -> Result<()> {
        let mut module = Module {
            file: file.to_owned(),
            items: BTreeSet::new(),
            uses: Vec::new(),
            paths: Vec::new(),
        };
        for item in items {
            match item {
                Item::Mod(child) if is_test(&child.attrs) => {}
                Item::Mod(child) => {
                    let name = child.ident.to_string();
                    let mut path = path.clone();
                    path.push(name.clone());
                    match &child.content {
                        Some((_, items)) => self.read_items(items, file, directory, path)?,
                        None => {
                            let directory = directory.join(&name);
                            let file = [directory.with_extension("rs"), directory.join("mod.rs")];
                            let file = file.into_iter().find(|file| file.is_file());
                            let file = file.with_context(|| format!("no file of {name}"))?;
                            self.read_file(&file, &directory, path)?;
                        }
                    }
                }
                Item::Use(declared) => {
                    let is_export = !matches!(declared.vis, Visibility::Inherited);
                    flatten(&declared.tree, &mut Vec::new(), &mut |name, path| {
                        module.uses.push(Use {
                            name,
                            path,
                            is_export,
                        });
                    });
                }
                item => {
                    module.items.extend(name_of(item));
                    Paths(&mut module.paths).visit_item(item);
                }
            }
        }
        self.modules.insert(path, module);
        Ok(())
    }

    fn edges(&self) -> Edges {
        let mut edges = Edges::new();
        for (path, module) in &self.modules {
            let imports = module.uses.iter().filter(|it| !it.is_export);
            let named = imports.map(|it| &it.path).chain(&module.paths);
            for name in named {
                let Some(file) = self.defined_in(path, name, 0) else {
                    continue;
                };
                if file != module.file {
                    let from = edges.entry(module.file.clone()).or_default();
                    from.entry(file).or_insert_with(|| name.join("::"));
                }
            }
        }
        edges
    }

    /// The file of the item that `name` names in the module `at`; none if it is
    /// of another crate.
    fn defined_in(&self, at: &[String], name: &[String], depth: usize) -> Option<PathBuf> {
        // A re-export of itself, which the compiler would refuse.
        if depth > 32 {
            return None;
        }
        let mut at = at.to_vec();
        let mut rest = name;
        let mut is_anchored = false;
        while let Some((first, others)) = rest.split_first() {
            match first.as_str() {
                "crate" => at.clear(),
                "self" => {}
                "super" => {
                    at.pop();
                }
                _ => break,
            }
            is_anchored = true;
            rest = others;
        }
        let Some((first, others)) = rest.split_first() else {
            return self.modules.get(&at).map(|module| module.file.clone());
        };
        let mut child = at.clone();
        child.push(first.clone());
        if self.modules.contains_key(&child) {
            let rest: Vec<_> = std::iter::once("self".to_owned())
                .chain(others.iter().cloned())
                .collect();
            return self.defined_in(&child, &rest, depth + 1);
        }
        let module = self.modules.get(&at)?;
        if module.items.contains(first) {
            return Some(module.file.clone());
        }
        if let Some(found) = module.uses.iter().find(|it| it.name == *first) {
            let path: Vec<_> = found.path.iter().chain(others).cloned().collect();
            return self.defined_in(&at, &path, depth + 1);
        }
        // A macro, or a name from a glob.
        is_anchored.then(|| module.file.clone())
    }
}

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let text = attribute.meta.to_token_stream().to_string();
        attribute.path().is_ident("cfg") && text.contains("test") && !text.contains("\"testing\"")
    })
}

/// Calls `tell` with every name that a `use` imports, and its path.
fn flatten(tree: &UseTree, path: &mut Vec<String>, tell: &mut impl FnMut(String, Vec<String>)) {
    match tree {
        UseTree::Path(step) => {
            path.push(step.ident.to_string());
            flatten(&step.tree, path, tell);
            path.pop();
        }
        UseTree::Group(group) => {
            for tree in &group.items {
                flatten(tree, path, tell);
            }
        }
        UseTree::Name(name) if name.ident == "self" => {
            tell(path.last().cloned().unwrap_or_default(), path.clone());
        }
        UseTree::Name(name) => {
            let name = name.ident.to_string();
            tell(name.clone(), path.iter().cloned().chain([name]).collect());
        }
        UseTree::Rename(renamed) => {
            let name = renamed.ident.to_string();
            let path = path.iter().cloned().chain([name]).collect();
            tell(renamed.rename.to_string(), path);
        }
        UseTree::Glob(_) => tell("*".to_owned(), path.clone()),
    }
}

fn name_of(item: &Item) -> Option<String> {
    let name = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        _ => return None,
    };
    Some(name.to_string())
}

/// Collects paths of more than one segment.
struct Paths<'a>(&'a mut Vec<Vec<String>>);

impl<'ast> Visit<'ast> for Paths<'_> {
    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.segments.len() > 1 {
            let names = path
                .segments
                .iter()
                .map(|segment| segment.ident.to_string());
            self.0.push(names.collect());
        }
        visit::visit_path(self, path);
    }

    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        if !is_test(&module.attrs) {
            visit::visit_item_mod(self, module);
        }
    }
}

/// The sets of files that import each other, directly or by others.
fn circles(edges: &Edges) -> Vec<Vec<PathBuf>> {
    let reached: BTreeMap<&PathBuf, BTreeSet<&PathBuf>> = edges
        .keys()
        .map(|file| (file, reachable(file, edges)))
        .collect();
    let mut found: Vec<Vec<PathBuf>> = Vec::new();
    for (file, theirs) in &reached {
        if !theirs.contains(file) || found.iter().any(|circle| circle.contains(file)) {
            continue;
        }
        let is_back = |other: &&&PathBuf| reached.get(**other).is_some_and(|r| r.contains(file));
        found.push(
            theirs
                .iter()
                .filter(is_back)
                .map(|it| (*it).clone())
                .collect(),
        );
    }
    found
}

fn reachable<'e>(file: &PathBuf, edges: &'e Edges) -> BTreeSet<&'e PathBuf> {
    let mut seen = BTreeSet::new();
    let mut open: Vec<&PathBuf> = edges
        .get(file)
        .into_iter()
        .flat_map(BTreeMap::keys)
        .collect();
    while let Some(next) = open.pop() {
        if seen.insert(next) {
            open.extend(edges.get(next).into_iter().flat_map(BTreeMap::keys));
        }
    }
    seen
}

fn describe(files: &[PathBuf], edges: &Edges, source: &Path) -> String {
    let shown = |file: &Path| {
        let file = file.strip_prefix(source.parent().and_then(Path::parent).unwrap_or(source));
        file.unwrap_or(source).display().to_string()
    };
    let mut text = format!("{} files:", files.len());
    for file in files {
        for (other, name) in edges.get(file).into_iter().flatten() {
            if files.contains(other) {
                text += &format!("\n  {} -> {} ({name})", shown(file), shown(other));
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(files: &[(&str, &str)]) -> Result<Vec<String>> {
        let directory = tempfile::tempdir()?;
        let source = directory.path().join("a-crate/src");
        for (name, text) in files {
            let path = source.join(name);
            fs::create_dir_all(path.parent().context("no parent")?)?;
            fs::write(path, text)?;
        }
        of_crate(&source)
    }

    #[test]
    fn a_circle_is_found_also_by_way_of_a_reexport() -> Result<()> {
        let lib = "mod one;\nmod two;\npub use one::One;\npub use two::Two;";
        let one = "use crate::Two;\npub struct One(Two);";
        let circles = found(&[
            ("lib.rs", lib),
            ("one.rs", one),
            ("two.rs", "pub struct Two;\nfn f() { crate::one::g(); }"),
        ])?;
        assert_eq!(circles.len(), 1, "{circles:?}");
        assert!(
            circles[0].contains("one.rs -> a-crate/src/two.rs"),
            "{circles:?}"
        );
        Ok(())
    }

    #[test]
    fn a_facade_and_tests_are_no_circle() -> Result<()> {
        let two = "pub struct Two;\n#[cfg(test)]\nmod tests { use crate::one::One; }";
        let circles = found(&[
            ("lib.rs", "mod one;\nmod two;\npub use one::One;"),
            ("one.rs", "use crate::two::Two;\npub struct One(Two);"),
            ("two.rs", two),
        ])?;
        assert!(circles.is_empty(), "{circles:?}");
        Ok(())
    }

    #[test]
    fn a_child_that_uses_its_parent_which_uses_it_is_a_circle() -> Result<()> {
        let circles = found(&[
            ("lib.rs", "mod list;"),
            ("list/mod.rs", "mod page;\npub struct List(page::Page);"),
            ("list/page.rs", "pub struct Page;\nfn f(_: &super::List) {}"),
        ])?;
        assert_eq!(circles.len(), 1, "{circles:?}");
        Ok(())
    }
}
