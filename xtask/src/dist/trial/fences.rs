//! The commands of a page that run beside the files of a release: its fences `sh dist`.

/// The commands of each.
pub(super) fn of(page: &str) -> Vec<String> {
    let mut fences = Vec::new();
    let mut lines = page.lines();
    while lines.any(|line| line == "```sh dist") {
        let fence: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        fences.push(fence.join("\n"));
    }
    fences
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_these_fences_are_commands() {
        let page = "a\n```sh\nno\n```\n```sh dist\none\ntwo\n```\nb\n```sh dist\nthree\n```\n";
        assert_eq!(of(page), ["one\ntwo", "three"]);
    }
}
