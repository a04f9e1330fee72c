//! What the answer to a request, or its lack, says about the load.

use std::io;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::ConnectorError;

use crate::error::cause_chain::has_io;
use crate::http::concurrency::Outcome;

/// The outcome of a request for the concurrency limiter.
pub(crate) fn outcome(answer: &Result<HttpResponse, ConnectorError>) -> Outcome {
    match answer {
        Ok(response) => match response.status().as_u16() {
            429 | 502..=504 => Outcome::Overloaded,
            500.. => Outcome::Failed,
            _ => Outcome::Served,
        },
        Err(error) if error.is_timeout() => Outcome::Overloaded,
        Err(error) if error.is_io() && !is_refused(error) => Outcome::Overloaded,
        Err(_) => Outcome::Failed,
    }
}

/// Makes an I/O error of the lack of a free file descriptor (EMFILE, ENFILE),
/// wherever it is noticed: it says nothing about the request, which is retried,
/// with fewer requests at once.
pub(crate) fn descriptors_as_io(error: ConnectorError) -> ConnectorError {
    if is_out_of_descriptors(&error) && !error.is_io() {
        ConnectorError::io(error.into())
    } else {
        error
    }
}

/// Whether no file descriptor was free for a connection.
pub(crate) fn is_out_of_descriptors(error: &ConnectorError) -> bool {
    let is_such = |number| OUT_OF_DESCRIPTORS.contains(&number);
    has_io(error, |io| io.raw_os_error().is_some_and(is_such))
}

/// ENFILE and EMFILE, the same on all supported systems.
const OUT_OF_DESCRIPTORS: [i32; 2] = [23, 24];

/// Whether no server listens there, which has nothing to do with load.
pub(crate) fn is_refused(error: &ConnectorError) -> bool {
    has_io(error, |io| io.kind() == io::ErrorKind::ConnectionRefused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_without_a_descriptor_is_retried_with_fewer_at_once() {
        for number in OUT_OF_DESCRIPTORS {
            let cause = io::Error::from_raw_os_error(number);
            let error = descriptors_as_io(ConnectorError::other(Box::new(cause), None));
            assert!(error.is_io());
            assert_eq!(outcome(&Err(error)), Outcome::Overloaded);
        }
        let other = io::Error::from_raw_os_error(5);
        let error = descriptors_as_io(ConnectorError::other(Box::new(other), None));
        assert_eq!(outcome(&Err(error)), Outcome::Failed);
    }
}
