//! Which requests go through a proxy, as the environment says.
//!
//! The HTTP client reads the same variables, but takes an empty variable for a proxy,
//! supports neither `*` for an address nor ports in `NO_PROXY`, and never says which
//! proxy failed.

use std::net::IpAddr;

use http::Uri;
use sync_core::Result;

use crate::client::environment::{unfit, variable};

/// A proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Proxy {
    /// It may contain a password, so it is never shown.
    pub(crate) url: Uri,
    /// The URL without a password.
    pub(crate) shown: String,
    /// The variable that names it.
    pub(crate) variable: &'static str,
}

/// The proxies of both schemes, and their exceptions.
#[derive(Debug, Default)]
pub(crate) struct Proxies {
    pub(crate) http: Option<Proxy>,
    pub(crate) https: Option<Proxy>,
    exceptions: Vec<Exception>,
}

/// A rule of `NO_PROXY`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Exception {
    hosts: Hosts,
    port: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Hosts {
    All,
    /// This domain and all below it.
    Name(String),
    /// An address, and how many of its bits are compared.
    Network(IpAddr, u8),
}

impl Proxies {
    /// Reads the environment; names in small letters have precedence.
    ///
    /// # Errors
    /// A proxy that cannot be used.
    pub(crate) fn from_env() -> Result<Self> {
        let all = first(&["all_proxy", "ALL_PROXY"])?;
        let http = if std::env::var_os("REQUEST_METHOD").is_some() {
            // In a CGI script, HTTP_PROXY is a header of a request.
            first(&["http_proxy"])?
        } else {
            first(&["http_proxy", "HTTP_PROXY"])?
        };
        let https = first(&["https_proxy", "HTTPS_PROXY"])?;
        let mut exceptions = Vec::new();
        for name in ["no_proxy", "NO_PROXY"] {
            let rules = variable(name)?.unwrap_or_default();
            exceptions.extend(self::exceptions(&rules));
        }
        Ok(Self {
            http: http.or_else(|| all.clone()),
            https: https.or(all),
            exceptions,
        })
    }

    /// The same, without a proxy for plain http.
    pub(crate) fn only_https(&self) -> Self {
        Self {
            http: None,
            https: self.https.clone(),
            exceptions: self.exceptions.clone(),
        }
    }

    /// Whether a proxy is reached over TLS.
    pub(crate) fn need_tls(&self) -> bool {
        let mut all = [&self.http, &self.https].into_iter().flatten();
        all.any(|proxy| proxy.url.scheme_str() == Some("https"))
    }

    /// The proxy that requests to the server at `url` go through; without a
    /// URL, to AWS.
    pub(crate) fn of_endpoint(&self, url: Option<&str>, region: &str) -> Option<&Proxy> {
        let uri = match url {
            Some(url) => url.parse(),
            None => format!("https://s3.{region}.amazonaws.com").parse(),
        };
        self.of(&uri.ok()?)
    }

    /// The proxy that a request to `uri` goes through.
    pub(crate) fn of(&self, uri: &Uri) -> Option<&Proxy> {
        let (proxy, port) = match uri.scheme_str()? {
            "http" => (self.http.as_ref()?, 80),
            "https" => (self.https.as_ref()?, 443),
            _ => return None,
        };
        let (host, port) = (uri.host()?, uri.port_u16().unwrap_or(port));
        let is_excepted = self.exceptions.iter().any(|it| it.holds(host, port));
        (!is_excepted).then_some(proxy)
    }
}

/// The proxy of the first of these variables that is set.
fn first(names: &[&'static str]) -> Result<Option<Proxy>> {
    for name in names {
        if let Some(text) = variable(name)? {
            return proxy(&text, name).map(Some);
        }
    }
    Ok(None)
}

fn proxy(text: &str, variable: &'static str) -> Result<Proxy> {
    let source = format!("the proxy of {variable}");
    let with_scheme = if text.contains("://") {
        text.to_owned()
    } else {
        format!("http://{text}")
    };
    let wrong = || unfit(&source, "is not a URL such as http://HOST:PORT");
    let url: Uri = with_scheme.parse().map_err(|_| wrong())?;
    let scheme = url.scheme_str().unwrap_or_default();
    if scheme.starts_with("socks") {
        let flaw = "is a SOCKS proxy, which is not supported; only http:// and https:// are";
        return Err(unfit(&source, flaw));
    }
    let authority = url.authority().ok_or_else(wrong)?;
    if !matches!(scheme, "http" | "https") || authority.host().is_empty() {
        return Err(wrong());
    }
    let host = authority.as_str();
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    let shown = format!("{scheme}://{host}");
    Ok(Proxy {
        url,
        shown,
        variable,
    })
}

fn exceptions(rules: &str) -> impl Iterator<Item = Exception> {
    let rules = rules.split([',', ' ', '\t', '\n', ';']);
    let rules = rules.map(str::trim).filter(|rule| !rule.is_empty());
    rules.filter_map(exception)
}

fn exception(rule: &str) -> Option<Exception> {
    let rule = rule.split_once("://").map_or(rule, |(_, rest)| rest);
    let rule = rule.trim_end_matches('/');
    if let Some((address, bits)) = rule.split_once('/') {
        let (address, bits): (IpAddr, u8) = (bare(address).parse().ok()?, bits.parse().ok()?);
        let hosts = Hosts::Network(address, bits);
        return Some(Exception { hosts, port: None });
    }
    let (host, port) = match rule.rsplit_once(':') {
        // What has several colons and no brackets is an address of IPv6.
        Some((host, port)) if host.ends_with(']') || !host.contains(':') => {
            (host, Some(port.parse().ok()?))
        }
        _ => (rule, None),
    };
    let host = bare(host);
    let hosts = if host == "*" {
        Hosts::All
    } else if let Ok(address) = host.parse::<IpAddr>() {
        Hosts::Network(address, u8::MAX)
    } else {
        let name = host.trim_start_matches('*').trim_matches('.');
        if name.is_empty() {
            return None;
        }
        Hosts::Name(name.to_ascii_lowercase())
    };
    Some(Exception { hosts, port })
}

impl Exception {
    fn holds(&self, host: &str, port: u16) -> bool {
        self.port.is_none_or(|only| only == port) && self.hosts.hold(host)
    }
}

impl Hosts {
    fn hold(&self, host: &str) -> bool {
        match self {
            Self::All => true,
            Self::Name(name) => {
                let host = host.trim_end_matches('.').to_ascii_lowercase();
                let rest = host.strip_suffix(name);
                rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            }
            Self::Network(network, bits) => bare(host)
                .parse()
                .is_ok_and(|address| is_within(address, *network, *bits)),
        }
    }
}

fn is_within(address: IpAddr, network: IpAddr, bits: u8) -> bool {
    let same = |one: u128, other: u128, width: u8| {
        let rest = width - bits.min(width);
        one.checked_shr(rest.into()) == other.checked_shr(rest.into())
    };
    match (address, network) {
        (IpAddr::V4(one), IpAddr::V4(other)) => {
            same(one.to_bits().into(), other.to_bits().into(), 32)
        }
        (IpAddr::V6(one), IpAddr::V6(other)) => same(one.to_bits(), other.to_bits(), 128),
        _ => false,
    }
}

/// An address of IPv6 without its brackets.
fn bare(host: &str) -> &str {
    let inner = host.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
    inner.unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(rules: &str, url: &str) -> bool {
        let proxies = Proxies {
            http: Some(proxy("proxy:3128", "HTTP_PROXY").unwrap()),
            https: Some(proxy("http://proxy:3129", "HTTPS_PROXY").unwrap()),
            exceptions: exceptions(rules).collect(),
        };
        proxies.of(&url.parse().unwrap()).is_none()
    }

    #[test]
    fn what_no_proxy_names_bypasses_the_proxy() {
        for (rules, url) in [
            ("*", "http://127.0.0.1:9000/x"),
            ("*", "https://host/"),
            ("a, *", "https://host/"),
            ("127.0.0.1", "http://127.0.0.1:9000"),
            ("127.0.0.1:9000", "http://127.0.0.1:9000"),
            ("host:80", "http://host/"),
            ("host:443", "https://host/"),
            ("*:9000", "http://host:9000"),
            ("127.0.0.0/8", "http://127.1.2.3:9000"),
            ("10.0.0.0/9", "http://10.127.0.1"),
            ("0.0.0.0/0", "http://10.127.0.1"),
            ("::1", "http://[::1]:9000"),
            ("[::1]", "http://[::1]:9000"),
            ("[::1]:9000", "http://[::1]:9000"),
            ("2001:db8::/32", "http://[2001:db8:1::5]"),
            ("example.com", "http://example.com"),
            ("example.com", "http://s3.example.com"),
            (".example.com", "http://s3.example.com"),
            (".example.com", "http://example.com"),
            ("*.example.com", "http://s3.example.com"),
            ("EXAMPLE.com", "http://S3.Example.COM."),
            ("a,b;example.com", "http://example.com"),
            ("a example.com", "http://example.com"),
            ("http://example.com/", "http://example.com"),
            (".s3.example.com:9000", "http://b.s3.example.com:9000"),
        ] {
            assert!(passes(rules, url), "{rules} {url}");
        }
    }

    #[test]
    fn everything_else_goes_through_the_proxy() {
        for (rules, url) in [
            ("", "http://host"),
            (",", "http://host"),
            (".", "http://host"),
            ("127.0.0.1:9001", "http://127.0.0.1:9000"),
            ("127.0.0.1", "http://127.0.0.2"),
            ("10.0.0.0/9", "http://10.128.0.1"),
            ("10.0.0.0/99x", "http://10.0.0.1"),
            ("host:443", "http://host/"),
            ("host:x", "http://host/"),
            ("example.com", "http://notexample.com"),
            ("s3.example.com", "http://example.com"),
            ("::1", "http://[::2]:9000"),
            ("::/0", "http://127.0.0.1"),
        ] {
            assert!(!passes(rules, url), "{rules} {url}");
        }
    }

    #[test]
    fn a_proxy_is_named_without_its_password() {
        for (text, shown) in [
            ("proxy:3128", "http://proxy:3128"),
            ("http://u:geheim@proxy:3128/", "http://proxy:3128"),
            ("u:geheim@proxy:3128", "http://proxy:3128"),
            ("https://proxy", "https://proxy"),
            ("http://[::1]:3128", "http://[::1]:3128"),
        ] {
            assert_eq!(proxy(text, "HTTP_PROXY").unwrap().shown, shown, "{text}");
        }
        for text in [
            "socks5://h:1",
            "ftp://h",
            "http://",
            "http://u:geheim@h:x y",
            "é",
        ] {
            let error = proxy(text, "ALL_PROXY").unwrap_err().to_string();
            assert!(
                error.contains("ALL_PROXY") && !error.contains("geheim"),
                "{error}"
            );
        }
    }
}
