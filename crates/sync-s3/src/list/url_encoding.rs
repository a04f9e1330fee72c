//! Names in a listing with `encoding-type=url`.

/// Decodes `encoding-type=url`, in which a space is a plus sign, in place. `Err`
/// holds a name that is not UTF-8, with replacement characters.
pub(crate) fn decode(name: String) -> Result<String, String> {
    if !name.contains(['%', '+']) {
        return Ok(name);
    }
    let mut bytes = name.into_bytes();
    let (mut read, mut written) = (0, 0);
    while let Some(&byte) = bytes.get(read) {
        let (decoded, len) = match byte {
            b'+' => (b' ', 1),
            b'%' => escaped(bytes.get(read + 1..read + 3)).map_or((byte, 1), |byte| (byte, 3)),
            _ => (byte, 1),
        };
        if let Some(place) = bytes.get_mut(written) {
            *place = decoded;
        }
        read += len;
        written += 1;
    }
    bytes.truncate(written);
    String::from_utf8(bytes).map_err(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// Decodes a name if the listing is encoded.
pub(crate) fn decode_if(is_encoded: bool, name: String) -> Result<String, String> {
    if is_encoded { decode(name) } else { Ok(name) }
}

fn escaped(digits: Option<&[u8]>) -> Option<u8> {
    let [high, low] = digits? else { return None };
    let digit = |c: u8| {
        char::from(c)
            .to_digit(16)
            .and_then(|d| u8::try_from(d).ok())
    };
    Some(digit(*high)? << 4 | digit(*low)?)
}
