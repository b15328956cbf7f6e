/// The options that every command has. They may stand anywhere on the command line.
package enum CommonOptions {
    package static let all = shown + specFiles + [credentialsSecret] + withoutLocalEffect

    private static let shown: [Option] = [
        .value(
            "home", "DIR", values: .directory, environment: "SHIPYARD_HOME",
            "where the service keeps everything; default ~/.local/state/shipyard-swift"),
        .value(
            "configdir", "DIR", values: .directory, environment: "SHIPYARD_CONFIGDIR",
            "directory of the spec files; default the current one"),
        .flag("yes", short: "y", "answer yes to every question"),
        .flag("raw", "print JSON as the REST API of Azure Batch has it"),
        .flag("show-config", "print the merged specs before anything is done"),
        .flag("verbose", short: "v", "say more about what is done"),
        .flag("help", short: "h", "print the help of a command"),
    ]

    /// One option for each kind of spec file; without it the file is looked for in `--configdir`.
    private static let specFiles: [Option] = [
        "credentials", "config", "fs", "pool", "jobs", "schedules",
    ].map { kind in
        .value(
            kind, "FILE", values: .file, environment: "SHIPYARD_\(kind.uppercased())_CONF",
            "use this file instead of \(kind).yaml")
    }

    private static let credentialsSecret: Option = {
        var option = Option.value(
            "keyvault-credentials-secret-id", "ID", environment: "SHIPYARD_KEYVAULT_CREDENTIALS_SECRET_ID",
            "a secret that has the credentials, where there is no credentials file")
        option.isHidden = true
        return option
    }()

    /// What Batch Shipyard needs to find its cloud. The values are neither used nor shown: some are secrets.
    private static let withoutLocalEffect: [Option] = [
        "subscription-id", "keyvault-uri", "aad-endpoint",
        "aad-directory-id", "aad-application-id", "aad-auth-key", "aad-authority-url", "aad-user",
        "aad-password", "aad-cert-private-key", "aad-cert-thumbprint", "monitor", "federation", "slurm",
    ].map { name in
        var option = Option.value(name, "TEXT", "of Batch Shipyard; accepted, no local effect")
        option.isHidden = true
        option.hasNoLocalEffect = true
        return option
    }
}

/// Options that several commands share.
package enum SharedOptions {
    package static let poolID = Option.value(
        "poolid", "ID", aliases: ["pool-id"], values: .id(.pool), "the pool; default the one of pool.yaml")
    package static let jobID = Option.value(
        "jobid", "ID", aliases: ["job-id"], values: .id(.job), "the job; default those of jobs.yaml")
    /// Of commands that take more than one.
    package static let jobIDs = Option.value(
        "jobid", "ID", aliases: ["job-id"], values: .id(.job), repeats: true, "the job; default those of jobs.yaml")
    package static let taskID = Option.value(
        "taskid", "ID", aliases: ["task-id"], values: .id(.task), "one task; needs --jobid")
    package static let strict = Option.flag("strict", "take every warning for an error")
    package static let parameter = Option.value(
        "param", "NAME=VALUE", repeats: true,
        "a value for a parameter of the jobs")
    package static let wait = Option.flag("wait", "wait until it is done")
    package static let fileSpec = Option.value(
        "filespec", "JOB,TASK,FILE", "which file; TASK may be @FIRSTRUNNING")
    package static let jobScheduleID = Option.value(
        "jobscheduleid", "ID", values: .id(.schedule), "one job schedule")
}
