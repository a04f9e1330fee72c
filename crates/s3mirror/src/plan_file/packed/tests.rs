//! What is packed is read again, whole or in parts; whatever else is read is an
//! error, and no claim of a file takes memory.

use std::io::{BufRead as _, Read as _, Write as _};

use sync_core::{
    plan::Plan,
    spool::{MemorySpools, Spools},
};

use super::*;

/// A plan of a backup with so many transfers, of which each tenth is large.
fn plan(transfers: u64) -> Plan {
    let size = |number: u64| {
        if number.is_multiple_of(10) {
            300 << 20
        } else {
            1000
        }
    };
    let bytes: u64 = (0..transfers).map(size).sum();
    let mut text = format!(
        r#"{{"s3mirror_plan":3,"source":"s","target":"t","direction":"backup","compare":"times","clock_offset":0,"counts":{{"source":{{"entries":{transfers},"bytes":{bytes}}},"target":{{"entries":0,"bytes":0}},"reasons":{{"only-in-source":{{"entries":{transfers},"bytes":{bytes}}}}},"skipped_in_source":{{}},"skipped_in_target":{{}},"conflicts":0,"too_long":0}}}}"#
    );
    if transfers == 0 {
        text = text.replace(r#""only-in-source":{"entries":0,"bytes":0}"#, "");
    }
    for number in 0..transfers {
        let size = size(number);
        text += &format!(
            "\n{{\"action\":\"transfer\",\"reason\":\"only-in-source\",\"source\":{{\"key\":\"d{}/{number:06}\",\"size\":{size},\"modified\":\"2024-05-01T12:00:00Z\"}}}}",
            number / 100
        );
    }
    text.push('\n');
    Plan::read_from(text.as_bytes(), MemorySpools.create().unwrap()).unwrap()
}

fn text_of(plan: &Plan) -> String {
    let mut text = Vec::new();
    plan.write_to(&mut text).unwrap();
    String::from_utf8(text).unwrap()
}

fn packed(plan: &Plan, parts: usize) -> (Vec<u8>, Packed) {
    let mut bytes = Vec::new();
    let packed = pack(plan, &mut bytes, parts).unwrap();
    (bytes, packed)
}

fn read(bytes: &[u8]) -> io::Result<String> {
    let mut text = String::new();
    Unpacked::whole(bytes)?.read_to_string(&mut text)?;
    Ok(text)
}

fn part(bytes: &[u8], part: &Span) -> io::Result<String> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    let mut text = String::new();
    span(file.path(), part)?.read_to_string(&mut text)?;
    Ok(text)
}

#[test]
fn what_is_packed_is_read_again_also_by_zstd_itself() {
    for transfers in [0, 1, 999, 1000, 1001, 5000] {
        let plan = plan(transfers);
        let (bytes, packed) = packed(&plan, 1);
        assert_eq!(read(&bytes).unwrap(), text_of(&plan));
        assert_eq!(
            zstd::decode_all(&*bytes).unwrap(),
            text_of(&plan).into_bytes()
        );
        assert_eq!(packed.bytes, bytes.len() as u64);
        assert_eq!(
            packed.crc64,
            sync_core::checksum::Crc64::of(&bytes).to_string()
        );
        assert_eq!(packed.spans.len(), 1);
        assert_eq!(packed.spans[0].work.transfers, transfers);
    }
}

#[test]
fn parts_laid_end_to_end_are_the_plan_and_cost_about_the_same() {
    let plan = plan(5000);
    for parts in [1, 2, 7, 8, 64] {
        let (bytes, packed) = packed(&plan, parts);
        assert_eq!(packed.spans.len(), parts);
        let (header, lines) = text_of(&plan)
            .split_once('\n')
            .map(|(a, b)| (a.to_owned(), b.to_owned()))
            .unwrap();
        assert!(header.contains("s3mirror_plan"));
        let all: String = packed
            .spans
            .iter()
            .map(|span| part(&bytes, span).unwrap())
            .collect();
        assert_eq!(all, lines);
        let costs: Vec<u64> = packed.spans.iter().map(|span| span.work.cost_us).collect();
        let (least, most) = (costs.iter().min().unwrap(), costs.iter().max().unwrap());
        // The largest action takes some four seconds.
        assert!(most - least < 5_000_000, "{costs:?}");
    }
}

#[test]
fn more_parts_than_actions_leave_some_empty() {
    let (bytes, packed) = packed(&plan(3), 8);
    assert_eq!(packed.spans.len(), 8);
    let texts = packed.spans.iter().map(|span| part(&bytes, span).unwrap());
    assert_eq!(texts.filter(|text| !text.is_empty()).count(), 3);
}

#[test]
fn a_file_that_was_cut_or_changed_anywhere_is_an_error() {
    let (bytes, packed) = packed(&plan(30), 3);
    for length in 0..bytes.len() {
        assert!(read(&bytes[..length]).is_err(), "cut at {length}");
    }
    // What ends it is the end of a line.
    for at in 0..bytes.len() - 1 {
        for flip in [1, 0x20, 0x80] {
            let mut changed = bytes.clone();
            changed[at] ^= flip;
            assert!(
                read(&changed).is_err() || read(&changed).unwrap().contains("_plan\":2"),
                "byte {at} ^ {flip}"
            );
            for span in &packed.spans {
                let is_within = (span.at..span.at + span.length).contains(&(at as u64));
                assert_eq!(
                    part(&changed, span).is_err(),
                    is_within,
                    "byte {at} ^ {flip}"
                );
            }
        }
    }
    let more = [&bytes[..], b"{}"].concat();
    assert!(read(&more).is_err());
    let twice = [&bytes[..], &bytes[..]].concat();
    assert!(read(&twice).is_err());
}

/// A note with this text.
fn note(text: &str) -> Vec<u8> {
    let length = u32::try_from(text.len()).unwrap();
    [&SKIPPED[..], &length.to_le_bytes(), text.as_bytes()].concat()
}

#[test]
fn what_claims_gigabytes_is_refused_before_they_are_taken() {
    let begin = note(r#"{"s3mirror_plan":3}"#);
    let bomb = zstd::encode_all(std::io::repeat(b' ').take(64 << 20), 3).unwrap();
    let sum = sync_core::checksum::Crc64::of(&bomb);
    let block = |packed: u64, raw: u64| {
        let text = format!(
            r#"{{"block":{{"at":{},"packed":{packed},"raw":{raw},"crc64":"{sum}","actions":1,"transfers":0,"bytes":0,"cost_us":0}}}}"#,
            begin.len()
        );
        [&begin[..], &note(&text), &bomb].concat()
    };
    let length = bomb.len() as u64;
    let long_note = [&begin[..], &SKIPPED, &u32::MAX.to_le_bytes()].concat();
    for bytes in [
        block(length, 64 << 20),
        block(length, u64::MAX),
        block(u64::MAX, 10),
        block(1 << 40, 10),
        // It holds more than it says.
        block(length, 10),
        block(length, MAX_RAW as u64),
        long_note,
    ] {
        let error = read(&bytes).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{error}");
    }
}

#[test]
fn a_later_version_is_left_to_the_reader_of_the_lines() {
    let bytes = [note(r#"{"s3mirror_plan":99}"#), b"whatever".to_vec()].concat();
    let spool = MemorySpools.create().unwrap();
    let error = Plan::read_from(Unpacked::whole(&*bytes).unwrap(), spool)
        .err()
        .unwrap();
    assert!(error.to_string().contains("version 99"), "{error}");
}

#[test]
fn a_line_may_be_read_a_bit_at_a_time() {
    let plan = plan(10);
    let (bytes, _) = packed(&plan, 1);
    let unpacked = Unpacked::whole(&*bytes).unwrap();
    let lines: Vec<_> = unpacked.lines().map(Result::unwrap).collect();
    assert_eq!(lines.len(), 11);
}

fn saved(bytes: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    file
}

#[test]
fn plans_that_were_packed_are_cut_again_by_cost() {
    let plans: Vec<_> = [5000, 0, 1, 3000]
        .into_iter()
        .map(|transfers| saved(&packed(&plan(transfers), 1).0))
        .collect();
    let cost = |file: &tempfile::NamedTempFile| {
        let (pieces, ..) = Cutter::new(0, 1).cut(file.path()).unwrap();
        pieces
            .iter()
            .map(|piece| piece.span.work.cost_us)
            .sum::<u64>()
    };
    let total = plans.iter().map(cost).sum();
    for parts in [1, 2, 7, 8] {
        let mut cutter = Cutter::new(total, parts);
        let (mut lines, mut costs) = (0, vec![0; parts]);
        for file in &plans {
            let (pieces, bytes, crc64) = cutter.cut(file.path()).unwrap();
            let whole = std::fs::read(file.path()).unwrap();
            assert_eq!(bytes, whole.len() as u64);
            assert_eq!(crc64, sync_core::checksum::Crc64::of(&whole).to_string());
            for Piece { part: number, span } in pieces {
                costs[number] += span.work.cost_us;
                lines += part(&whole, &span).unwrap().lines().count();
            }
        }
        assert_eq!(lines, 8001);
        assert_eq!(costs.iter().sum::<u64>(), total);
        let (least, most) = (costs.iter().min().unwrap(), costs.iter().max().unwrap());
        // A block takes a second.
        assert!(most - least <= 2 * LEAST_COST + 5_000_000, "{costs:?}");
    }
}

#[test]
fn a_packed_plan_that_was_changed_is_not_cut() {
    let (bytes, _) = packed(&plan(30), 1);
    for length in 0..bytes.len() {
        let file = saved(&bytes[..length]);
        assert!(
            Cutter::new(1, 1).cut(file.path()).is_err(),
            "cut at {length}"
        );
    }
    for at in 0..bytes.len() - 1 {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        let file = saved(&changed);
        let cut = Cutter::new(1, 1).cut(file.path());
        let is_version = read(&changed).is_ok_and(|text| text.contains("_plan\":2"));
        assert!(cut.is_err() || is_version, "{at}");
    }
}

#[test]
fn lines_of_transfers_only_are_not_decompressed() {
    // Small, so that they are in one block.
    let text = text_of(&plan(3)).replace("314572800", "1000");
    let text = text.replace("314574800", "3000");
    let kept = r#"{"action":"keep","reason":"source-skipped","target":{"key":"x","size":1,"modified":"2024-05-01T12:00:00Z"}}"#;
    let with_one = text.clone() + kept + "\n";
    let with_one = with_one.replace(
        r#""reasons":{"#,
        r#""reasons":{"source-skipped":{"entries":1,"bytes":1},"#,
    );
    let mixed = Plan::read_from(with_one.as_bytes(), MemorySpools.create().unwrap()).unwrap();
    for (plan, expected) in [(plan(3000), 0), (mixed, 4)] {
        let file = saved(&packed(&plan, 1).0);
        let mut lines = String::new();
        others(file.path())
            .unwrap()
            .read_to_string(&mut lines)
            .unwrap();
        assert_eq!(lines.lines().count(), expected);
    }
    let (bytes, _) = packed(&plan(3000), 1);
    let mut changed = bytes;
    let middle = changed.len() / 2;
    changed[middle] ^= 1;
    let file = saved(&changed);
    let mut lines = String::new();
    assert!(
        others(file.path())
            .unwrap()
            .read_to_string(&mut lines)
            .is_err()
    );
}
