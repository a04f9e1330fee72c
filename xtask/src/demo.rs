//! s
pub(crate) fn run(_d: Option<&std::path::Path>) -> anyhow::Result<()> {
    Ok(())
}
