//! Divides plans that were packed before, by what their blocks cost: nothing is
//! decompressed.

use std::fs::File;
use std::io;
use std::path::Path;

use sync_core::checksum::Crc64Hasher;

use super::read::Frames;
use super::write::Divider;
use super::{Block, LINES, Note, Span, Work, invalid, most_cost};

/// What each of `parts` parts costs, if actions of these costs are packed, each of the plans by
/// itself, and cut.
pub(crate) fn parts_of(plans: &[Vec<u64>], parts: usize) -> Vec<u64> {
    let mut divider = Divider::new(plans.iter().flatten().sum(), parts);
    let (mut found, mut part) = (vec![0; parts.max(1)], 0);
    for costs in plans {
        let (mut before, mut block, mut lines) = (0, 0, 0);
        for (index, cost) in costs.iter().enumerate() {
            block += cost;
            lines += 1;
            if block >= most_cost(before) || lines >= LINES || index + 1 == costs.len() {
                part += usize::from(divider.ends_before(block));
                divider.add(block);
                found[part] += block;
                before += block;
                (block, lines) = (0, 0);
            }
        }
    }
    found
}

/// Blocks of one plan that belong to the same part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    /// The number of the part.
    pub(crate) part: usize,
    pub(crate) span: Span,
}

/// Divides plans, one after the other, into parts that cost about the same.
pub(crate) struct Cutter {
    divider: Divider,
    part: usize,
}

impl Cutter {
    /// So many parts of plans that cost `total` together.
    pub(crate) fn new(total: u64, parts: usize) -> Self {
        Self {
            divider: Divider::new(total, parts),
            part: 0,
        }
    }

    /// The pieces of the plan in the file `path` that copy something; and bytes and sum
    /// of the file, all of which is checked.
    pub(crate) fn cut(&mut self, path: &Path) -> io::Result<(Vec<Piece>, u64, String)> {
        let mut frames = Frames::new(File::open(path)?, 0);
        let mut pieces = Pieces::default();
        let mut blocks = 0;
        loop {
            let at = frames.at;
            let before = frames.sum.so_far();
            match frames.note()? {
                Some(Note::S3mirrorPlan(_)) if at == 0 => {}
                Some(Note::Block(block)) if at > 0 => {
                    let note = std::mem::take(&mut frames.last_note);
                    let frame = frames.frame(at, &block)?;
                    blocks += 1;
                    // The first one is the header.
                    if blocks > 1 {
                        self.add(&mut pieces, at, [&note, &frame], &block);
                    }
                }
                Some(Note::End { blocks: all, crc64 }) if at > 0 => {
                    if all != blocks || crc64 != before.to_string() || frames.note()?.is_some() {
                        return Err(invalid(at, "the blocks are not those that it ends with"));
                    }
                    let sum = frames.sum.so_far().to_string();
                    return Ok((pieces.finish(), frames.at, sum));
                }
                _ => return Err(invalid(at, "it ends before its end")),
            }
        }
    }

    fn add(&mut self, pieces: &mut Pieces, at: u64, bytes: [&[u8]; 2], block: &Block) {
        let work = block.work;
        if !pieces.is_open && self.divider.ends_before(work.cost_us) {
            self.part += 1;
        }
        self.divider.add(work.cost_us);
        pieces.add(self.part, at, bytes, work);
        pieces.is_open = block.open;
    }
}

/// The pieces of one plan so far.
#[derive(Default)]
struct Pieces {
    done: Vec<Piece>,
    last: Option<(Piece, Crc64Hasher)>,
    /// Whether the next block belongs to the last one.
    is_open: bool,
}

impl Pieces {
    fn add(&mut self, part: usize, at: u64, bytes: [&[u8]; 2], work: Work) {
        if self.last.as_ref().is_none_or(|(last, _)| last.part != part) {
            self.end();
            let span = Span {
                at,
                ..Span::default()
            };
            self.last = Some((Piece { part, span }, Crc64Hasher::default()));
        }
        if let Some((piece, sum)) = &mut self.last {
            for bytes in bytes {
                sum.update(bytes);
                piece.span.length += bytes.len() as u64;
            }
            piece.span.work += work;
        }
    }

    fn end(&mut self) {
        if let Some((mut piece, sum)) = self.last.take()
            && piece.span.work.transfers > 0
        {
            piece.span.crc64 = sum.finish().to_string();
            self.done.push(piece);
        }
    }

    fn finish(mut self) -> Vec<Piece> {
        self.end();
        self.done
    }
}
