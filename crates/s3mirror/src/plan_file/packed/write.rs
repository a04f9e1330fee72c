//! Compresses a plan, and divides it into parts that cost about the same.

use std::io::{self, Write};

use sync_core::{
    checksum::{Crc64, Crc64Hasher},
    json::append_json,
    plan::{Action, Boundaries, FORMAT_VERSION, Plan},
};
use zstd::bulk::Compressor;

use super::{Block, FRAME, LINES, MAX_NOTE, MAX_RAW, Note, SKIPPED, Span, USUAL, Work, most_cost};
use crate::plan_file::cost::cost;

/// What was written.
#[derive(Debug)]
pub(crate) struct Packed {
    /// Bytes of the file.
    pub(crate) bytes: u64,
    /// The sum of the file.
    pub(crate) crc64: String,
    /// The parts, as many as were asked for; some may be empty.
    pub(crate) spans: Vec<Span>,
}

/// Writes `plan` to `out`, divided into so many parts.
pub(crate) fn pack(plan: &Plan, out: &mut dyn Write, parts: usize) -> io::Result<Packed> {
    let total = if parts > 1 { total_cost(plan)? } else { 0 };
    let mut packer = Packer::new(out)?;
    packer.header(plan)?;
    let mut divider = Divider::new(total, parts);
    let mut boundaries = Boundaries::of(plan.header());
    let mut line = Vec::new();
    for action in plan.actions()? {
        let action = action?;
        line.clear();
        append_json(&mut line, &action)?;
        line.push(b'\n');
        let work = work_of(plan, &action);
        let is_boundary = boundaries.is_before(&action);
        if is_boundary && divider.ends_before(work.cost_us) {
            packer.end_span()?;
        } else {
            packer.make_room(line.len(), is_boundary)?;
        }
        divider.add(work.cost_us);
        packer.add(&line, work);
    }
    packer.end_span()?;
    packer.finish(parts)
}

fn total_cost(plan: &Plan) -> io::Result<u64> {
    let direction = plan.direction();
    let costs = plan.actions()?.map(|action| Ok(cost(direction, &action?)));
    costs.sum()
}

fn work_of(plan: &Plan, action: &Action) -> Work {
    let (transfers, bytes) = match action {
        Action::Transfer(transfer) => (1, transfer.source.size),
        _ => (0, 0),
    };
    Work {
        actions: 1,
        transfers,
        bytes,
        cost_us: cost(plan.direction(), action),
    }
}

/// Says where a part ends.
pub(super) struct Divider {
    /// What this part and the ones after it cost together.
    left: u64,
    /// How many these are.
    parts: u64,
    /// What this part costs so far.
    part: u64,
}

impl Divider {
    pub(super) fn new(total: u64, parts: usize) -> Self {
        Self {
            left: total,
            parts: parts as u64,
            part: 0,
        }
    }

    /// Whether this part ends before an action of that cost. The rest is shared
    /// out anew after each part, so that a huge action makes no part empty.
    pub(super) fn ends_before(&mut self, cost: u64) -> bool {
        let share = self.left / self.parts.max(1);
        let ends = self.parts > 1 && self.part > 0 && self.part.saturating_add(cost / 2) > share;
        if ends {
            self.left = self.left.saturating_sub(self.part);
            self.parts -= 1;
            self.part = 0;
        }
        ends
    }

    pub(super) fn add(&mut self, cost: u64) {
        self.part = self.part.saturating_add(cost);
    }
}

/// A file that is being written.
struct Packer<'a> {
    out: &'a mut dyn Write,
    at: u64,
    /// Of all bytes.
    sum: Crc64Hasher,
    compressor: Compressor<'static>,
    blocks: u64,
    /// What the blocks cost.
    cost: u64,
    /// The lines of the block, and what they do.
    lines: Vec<u8>,
    work: Work,
    /// The part, and the sum of its bytes.
    span: Span,
    span_sum: Crc64Hasher,
    spans: Vec<Span>,
}

impl<'a> Packer<'a> {
    fn new(out: &'a mut dyn Write) -> io::Result<Self> {
        let mut packer = Self {
            out,
            at: 0,
            sum: Crc64Hasher::default(),
            compressor: Compressor::new(zstd::DEFAULT_COMPRESSION_LEVEL)?,
            blocks: 0,
            cost: 0,
            lines: Vec::new(),
            work: Work::default(),
            span: Span::default(),
            span_sum: Crc64Hasher::default(),
            spans: Vec::new(),
        };
        packer.note(&Note::S3mirrorPlan(FORMAT_VERSION))?;
        Ok(packer)
    }

    fn header(&mut self, plan: &Plan) -> io::Result<()> {
        append_json(&mut self.lines, plan.header())?;
        self.lines.push(b'\n');
        self.end_block(false)?;
        self.begin_span();
        Ok(())
    }

    /// Ends the block if it is long enough, or a line of `length` would make it too
    /// long.
    fn make_room(&mut self, length: usize, is_boundary: bool) -> io::Result<()> {
        let is_long = self.lines.len() >= USUAL
            || self.work.actions >= LINES
            || self.work.cost_us >= most_cost(self.cost);
        if (is_long && is_boundary) || self.lines.len() + length > MAX_RAW {
            self.end_block(!is_boundary)?;
        }
        Ok(())
    }

    fn add(&mut self, line: &[u8], work: Work) {
        self.lines.extend_from_slice(line);
        self.work += work;
    }

    fn end_block(&mut self, open: bool) -> io::Result<()> {
        let lines = std::mem::take(&mut self.lines);
        if lines.is_empty() {
            return Ok(());
        }
        if lines.len() > MAX_RAW {
            return Err(io::Error::other("a line of the plan is too long"));
        }
        let frame = self.compressor.compress(&lines)?;
        let work = std::mem::take(&mut self.work);
        let block = Block {
            at: self.at,
            packed: frame.len() as u64,
            raw: lines.len() as u64,
            crc64: Crc64::of(&frame).to_string(),
            open,
            work,
        };
        self.note(&Note::Block(block))?;
        self.write(&frame)?;
        self.blocks += 1;
        self.cost = self.cost.saturating_add(work.cost_us);
        self.span.work += work;
        self.lines = lines;
        self.lines.clear();
        Ok(())
    }

    fn begin_span(&mut self) {
        self.span = Span {
            at: self.at,
            ..Span::default()
        };
        self.span_sum = Crc64Hasher::default();
    }

    fn end_span(&mut self) -> io::Result<()> {
        self.end_block(false)?;
        self.spans.push(Span {
            length: self.at - self.span.at,
            crc64: self.span_sum.so_far().to_string(),
            ..self.span.clone()
        });
        self.begin_span();
        Ok(())
    }

    fn finish(mut self, parts: usize) -> io::Result<Packed> {
        // Where there are fewer actions than parts.
        while self.spans.len() < parts {
            self.end_span()?;
        }
        self.note(&Note::End {
            blocks: self.blocks,
            crc64: self.sum.so_far().to_string(),
        })?;
        Ok(Packed {
            bytes: self.at,
            crc64: self.sum.so_far().to_string(),
            spans: self.spans,
        })
    }

    fn note(&mut self, note: &Note) -> io::Result<()> {
        let mut frame = SKIPPED.to_vec();
        frame.extend([0; FRAME - SKIPPED.len()]);
        append_json(&mut frame, note)?;
        frame.push(b'\n');
        let length = frame.len() - FRAME;
        debug_assert!(length <= MAX_NOTE, "{length} bytes");
        let length = u32::try_from(length).map_err(io::Error::other)?;
        frame[SKIPPED.len()..FRAME].copy_from_slice(&length.to_le_bytes());
        self.write(&frame)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)?;
        self.at += bytes.len() as u64;
        self.sum.update(bytes);
        self.span_sum.update(bytes);
        Ok(())
    }
}
