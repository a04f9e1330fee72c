//! The listing of a key list: of single keys without their directories being read, and of
//! whole directories below the root.
//!
//! Keys are looked at in pieces, several at a time where the file system is slow; what is
//! found comes in the order of keys.

use std::sync::Arc;

use futures::StreamExt;
use futures::stream::{self, BoxStream};
use sync_core::{
    Key, KeyList, KeyRange, Listed, Result, Selection,
    key_list::{Piece, list_pieces},
    store::Listing,
};

use crate::directory::Directory;
use crate::list::walk::Looks;
use crate::list::walk_stream::{Scope, walked};

/// Keys of a piece: so few that a short list is worth several threads where calls are slow.
const KEYS: usize = 64;

/// Pieces that are looked at before the first is needed.
const PIECES: usize = 32;

/// Lists what of the directory `keys` names, as far as it is in `range`.
pub(super) fn list(
    directory: Arc<Directory>,
    selection: Arc<Selection>,
    keys: &KeyList,
    range: KeyRange,
) -> BoxStream<'static, Result<Listed>> {
    directory.forget_own_files();
    let listed = list_pieces(keys, (KEYS, PIECES), move |piece| {
        list_piece(Arc::clone(&directory), Arc::clone(&selection), piece)
    });
    Listing::new(listed).within(range).entries
}

async fn list_piece(
    directory: Arc<Directory>,
    selection: Arc<Selection>,
    piece: Piece,
) -> BoxStream<'static, Result<Listed>> {
    let keys = match piece {
        Piece::Below(path) if path.is_empty() => {
            return walked(directory, selection, Scope::Range(KeyRange::default()));
        }
        Piece::Below(path) => return walked(directory, selection, Scope::Below(path)),
        Piece::Keys(keys) => keys,
    };
    let jobs = directory.jobs.clone();
    // What single looks wait for shows how slow the file system is.
    let looks = jobs.run_unmeasured(move || look_at(&directory, selection, &keys));
    match looks.await {
        Ok(items) => stream::iter(items.into_iter().map(Ok)).boxed(),
        Err(error) => stream::iter([Err(error)]).boxed(),
    }
}

fn look_at(directory: &Directory, selection: Arc<Selection>, keys: &[Key]) -> Result<Vec<Listed>> {
    if !directory.exists()? {
        return Ok(Vec::new());
    }
    let mut looks = Looks::start(Arc::clone(&directory.root), directory.options, selection)?;
    let look = |key| directory.jobs.measure(|| looks.look_at(key));
    let listed = keys.iter().filter_map(look).collect();
    directory.remember(looks.into_walk().into_own_files());
    Ok(listed)
}
