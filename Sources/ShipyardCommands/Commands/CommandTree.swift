/// All commands. The names and options are Batch Shipyard's where it has the command. `raw` and `showsConfig` say which of the
/// options of every command a command does something with.
package enum CommandTree {
    package static let root: Command = {
        var root = Command.group(
            "shipyard-swift", "run batch jobs on this machine from declarative specs",
            [
                RunCommand.command, StatusCommand.command.raw, LogsCommand.command,
                .group(
                    "pool", "pools of compute nodes",
                    [
                        PoolAddCommand.command.showsConfig, PoolListCommand.command.raw.showsConfig, PoolExistsCommand.command.showsConfig,
                        PoolDeleteCommand.command.showsConfig, PoolResizeCommand.command.showsConfig, PoolStatsCommand.command.showsConfig,
                        .group(
                            "nodes", "the nodes of a pool",
                            [
                                NodesListCommand.command.raw.showsConfig, NodesCountCommand.command.raw.showsConfig,
                                NodesRebootCommand.command.showsConfig, NodesDeleteCommand.command.showsConfig, NodesExecCommand.command.showsConfig,
                            ]),
                    ]),
                .group(
                    "jobs", "jobs and their tasks",
                    [
                        JobsAddCommand.command.showsConfig, JobsListCommand.command.raw.showsConfig, JobsShowCommand.command.raw.showsConfig,
                        JobsRerunCommand.command.showsConfig, JobsWaitCommand.command.showsConfig,
                        JobsTerminateCommand.command.showsConfig, JobsDeleteCommand.command.showsConfig, JobsDisableCommand.command.showsConfig,
                        JobsEnableCommand.command.showsConfig, JobsMigrateCommand.command, JobsStatsCommand.command.showsConfig,
                        .group(
                            "tasks", "the tasks of a job",
                            [
                                TasksListCommand.command.raw.showsConfig, TasksCountCommand.command.raw.showsConfig,
                                TasksTerminateCommand.command.showsConfig, TasksDeleteCommand.command.showsConfig,
                                TasksShellCommand.command,
                            ]),
                    ]),
                .group(
                    "schedules", "what runs again and again",
                    [
                        SchedulesAddCommand.command.showsConfig, SchedulesListCommand.command.raw,
                        SchedulesNextCommand.command.showsConfig, SchedulesSimulateCommand.command.showsConfig,
                        SchedulesHistoryCommand.command.raw, SchedulesRunCommand.command.raw,
                        SchedulesBackfillCommand.command,
                        SchedulesActCommands.enable, SchedulesActCommands.disable,
                        SchedulesActCommands.delete,
                    ]),
                .group(
                    "triggers", "files that start runs of schedules",
                    [
                        TriggersListCommand.command.raw, TriggersReplayCommand.command,
                        TriggersExplainCommand.command.raw,
                    ]),
                .group(
                    "data", "files: stored, of tasks and of nodes",
                    [
                        DataPutCommand.command.showsConfig, DataGetCommand.command.showsConfig, DataListCommand.command.raw.showsConfig,
                        DataStatCommand.command.raw.showsConfig, DataCopyCommands.copy.showsConfig, DataCopyCommands.move.showsConfig,
                        DataDeleteCommand.command.showsConfig, DataSyncCommand.command.showsConfig, DataIngressCommand.command.showsConfig,
                        LifecycleCommands.rehydrate.showsConfig,
                        .group(
                            "lifecycle", "stored files that grow old",
                            [LifecycleCommands.plan.raw.showsConfig, LifecycleCommands.run.showsConfig]),
                        .group(
                            "layout", "folders of datasets", [LayoutCommands.list.raw.showsConfig, LayoutCommands.apply.showsConfig]),
                        .group(
                            "files", "files of tasks and nodes",
                            [
                                FilesListCommand.command.showsConfig, FilesStreamCommand.command,
                                FilesTaskCommand.command, FilesNodeCommand.command.showsConfig,
                            ]),
                    ]),
                .group(
                    "metadata", "JSON documents that tasks and users share",
                    [
                        MetadataQueryCommands.list.raw, MetadataCommands.put.raw, MetadataCommands.get.raw,
                        MetadataCommands.patch.raw, MetadataQueryCommands.query.raw, MetadataCommands.delete,
                        MetadataQueryCommands.history.raw,
                    ]),
                .group(
                    "sql", "tables of databases",
                    [
                        SQLQueryCommand.command.raw.showsConfig, SQLLoadCommand.command.showsConfig,
                        SQLForgetCommand.command.showsConfig,
                    ]),
                .group("keyvault", "the secrets of a home", KeyvaultCommands.all),
                ValidateCommand.command, PlanCommand.command.showsConfig, ExplainCommand.command,
                .group(
                    "service", "the background service of a home",
                    [
                        ServiceStartCommand.command, ServiceStopCommand.command,
                        ServiceStatusCommand.command.raw, ServiceRunCommand.command, ServiceLogsCommand.command,
                        ServiceInstallCommand.command, ServiceUninstallCommand.command,
                    ]),
                CompletionCommand.command, ManCommand.command, HelpCommand.command, VersionCommand.command,
            ] + InnerCommands.all)
        root.options = [.flag("version", "print the version")]
        root.details = [
            "Specs are YAML or JSON files: pool.yaml, jobs.yaml, config.yaml, credentials.yaml, schedules.yaml. The first "
                + "command that needs the background service starts it."
        ]
        return
            root
            .example("run jobs/hello", "runs the jobs of a directory on a pool of their own")
            .example("validate --configdir etl", "checks the specs of a directory")
            .example("jobs add --configdir etl --wait", "submits jobs and follows them to their end")
    }()
}

/// What the program calls itself for; users never do.
package enum InnerCommands {
    package static let all: [Command] = [
        CompleteCommand.command, CommandsPageCommand.command, NodeStageCommand.command, RunGuardCommand.command, NodeUploadCommand.command,
    ]
}
