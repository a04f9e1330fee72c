//! Which shard a scheduler has started this process for.

/// A scheduler that starts the tasks of an array, and the variable in which a task
/// finds its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Engine {
    /// The variable with the number of the task.
    pub index: &'static str,
    /// The variable with the name of the job.
    pub job: &'static str,
    /// The number of the first task.
    first: usize,
}

/// The schedulers that are known.
const ENGINES: [Engine; 6] = [
    Engine {
        index: "SLURM_ARRAY_TASK_ID",
        job: "SLURM_JOB_ID",
        first: 0,
    },
    Engine {
        index: "JOB_COMPLETION_INDEX",
        job: "HOSTNAME",
        first: 0,
    },
    Engine {
        index: "AWS_BATCH_JOB_ARRAY_INDEX",
        job: "AWS_BATCH_JOB_ID",
        first: 0,
    },
    Engine {
        index: "PBS_ARRAY_INDEX",
        job: "PBS_JOBID",
        first: 0,
    },
    Engine {
        index: "SGE_TASK_ID",
        job: "JOB_ID",
        first: 1,
    },
    Engine {
        index: "LSB_JOBINDEX",
        job: "LSB_JOBID",
        first: 1,
    },
];

/// Why the shard is not known from the environment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// No variable of a scheduler is set.
    #[error("none of {} is set", known())]
    None,
    /// Several are, so that it is not certain which one counts.
    #[error("{0} and {1} are both set")]
    Several(&'static str, &'static str),
    /// The variable is not a number of a task.
    #[error("{0} is '{1}', which is not the number of a task")]
    NoNumber(&'static str, String),
}

impl Engine {
    /// The scheduler that has started this process, and the shard it is for, by the
    /// variables that `variable` looks up.
    ///
    /// # Errors
    /// [`EngineError`] unless exactly one is set.
    pub fn find(variable: impl Fn(&str) -> Option<String>) -> Result<(Self, usize), EngineError> {
        let set = |engine: &Engine| {
            let value = variable(engine.index)?;
            // What is not an array task of these has a word there.
            (!value.is_empty() && value != "undefined").then_some((*engine, value))
        };
        let mut found = ENGINES.iter().filter_map(set);
        let (engine, value) = found.next().ok_or(EngineError::None)?;
        if let Some((other, _)) = found.next() {
            return Err(EngineError::Several(engine.index, other.index));
        }
        let number = value.parse::<usize>().ok();
        let shard = number.and_then(|number| number.checked_sub(engine.first));
        let value = sync_core::text::printable(&value);
        let shard = shard.ok_or(EngineError::NoNumber(engine.index, value))?;
        Ok((engine, shard))
    }
}

fn known() -> String {
    ENGINES.map(|engine| engine.index).join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(set: &[(&str, &str)]) -> Result<usize, EngineError> {
        let variable = |name: &str| {
            let found = set.iter().find(|(variable, _)| *variable == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Engine::find(variable).map(|(_, shard)| shard)
    }

    #[test]
    fn exactly_one_variable_names_the_shard() {
        for engine in ENGINES {
            assert_eq!(find(&[(engine.index, "7")]), Ok(7 - engine.first));
        }
        assert_eq!(
            find(&[("SGE_TASK_ID", "undefined"), ("JOB_COMPLETION_INDEX", "0")]),
            Ok(0)
        );
        assert_eq!(find(&[]), Err(EngineError::None));
        assert_eq!(find(&[("SLURM_ARRAY_TASK_ID", "")]), Err(EngineError::None));
        let both = find(&[("SLURM_ARRAY_TASK_ID", "1"), ("PBS_ARRAY_INDEX", "1")]);
        assert!(matches!(both, Err(EngineError::Several(..))), "{both:?}");
        for value in ["x", "-1", "1.5", "99999999999999999999999"] {
            let wrong = find(&[("SLURM_ARRAY_TASK_ID", value)]);
            assert!(matches!(wrong, Err(EngineError::NoNumber(..))), "{wrong:?}");
        }
        let zero = find(&[("SGE_TASK_ID", "0")]);
        assert!(
            matches!(zero, Err(EngineError::NoNumber(..))),
            "counted from 1: {zero:?}"
        );
    }
}
