//! Whatever is read from hostile bytes lies within them, and reads the same once it is written.

#![no_main]

use libfuzzer_sys::fuzz_target;
use officina_crdt::DecodeError;
use officina_crdt::lib0::{Reader, Writer};

/// Reads one field, of the kind that a number says, and writes it.
fn copy(kind: u8, reader: &mut Reader<'_>, writer: &mut Writer) -> Result<(), DecodeError> {
    match kind % 7 {
        0 => writer.byte(reader.byte()?),
        1 => writer.var_uint(reader.var_uint()?),
        2 => writer.var_uint(u64::from(reader.var_u32()?)),
        3 => {
            let (negative, magnitude) = reader.var_int()?;
            writer.var_int(negative, magnitude);
        }
        4 => writer.var_bytes(reader.var_bytes()?),
        5 => writer.var_string(reader.var_string()?),
        _ => writer.bytes(reader.bytes(usize::from(kind))?),
    }
    Ok(())
}

fuzz_target!(|input: (&[u8], &[u8])| {
    let (kinds, bytes) = input;
    let (mut reader, mut written) = (Reader::new(bytes), Writer::new());
    let whole = kinds.iter().take_while(|&&kind| copy(kind, &mut reader, &mut written).is_ok()).count();
    assert_eq!(reader.position() + reader.remaining(), bytes.len());
    assert_eq!(reader.finish().is_ok(), reader.is_at_end());
    let (mut again, mut twice) = (Reader::new(written.as_bytes()), Writer::new());
    for &kind in &kinds[..whole] {
        copy(kind, &mut again, &mut twice).expect("own encoding");
    }
    assert!(again.is_at_end());
    assert_eq!(twice.as_bytes(), written.as_bytes());
});
