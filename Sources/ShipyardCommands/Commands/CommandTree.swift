/// All commands. The names and options are Batch Shipyard's where it has the command.
package enum CommandTree {
    package static let root: Command = {
        var root = Command.group(
            "shipyard-swift", "run batch jobs on this machine from declarative specs",
            [
                RunCommand.command,
                .group(
                    "pool", "pools of compute nodes",
                    [
                        PoolAddCommand.command, PoolListCommand.command, PoolExistsCommand.command,
                        PoolDeleteCommand.command, PoolResizeCommand.command, PoolStatsCommand.command,
                        .group(
                            "nodes", "the nodes of a pool",
                            [
                                NodesListCommand.command, NodesCountCommand.command,
                                NodesRebootCommand.command, NodesExecCommand.command,
                            ]),
                    ]),
                .group(
                    "jobs", "jobs and their tasks",
                    [
                        JobsAddCommand.command, JobsListCommand.command, JobsShowCommand.command,
                        JobsRerunCommand.command, JobsWaitCommand.command,
                        JobsTerminateCommand.command, JobsDeleteCommand.command, JobsDisableCommand.command,
                        JobsEnableCommand.command, JobsStatsCommand.command,
                        .group(
                            "tasks", "the tasks of a job",
                            [
                                TasksListCommand.command, TasksCountCommand.command,
                                TasksTerminateCommand.command, TasksDeleteCommand.command,
                                TasksShellCommand.command,
                            ]),
                    ]),
                .group(
                    "schedules", "what runs again and again",
                    [
                        SchedulesAddCommand.command, SchedulesListCommand.command,
                        SchedulesNextCommand.command, SchedulesSimulateCommand.command,
                        SchedulesHistoryCommand.command, SchedulesRunCommand.command,
                        SchedulesBackfillCommand.command,
                        SchedulesActCommands.enable, SchedulesActCommands.disable,
                        SchedulesActCommands.delete,
                    ]),
                .group(
                    "triggers", "files that start runs of schedules",
                    [
                        TriggersListCommand.command, TriggersReplayCommand.command,
                        TriggersExplainCommand.command,
                    ]),
                .group(
                    "data", "files: stored, of tasks and of nodes",
                    [
                        DataPutCommand.command, DataGetCommand.command, DataListCommand.command,
                        DataStatCommand.command, DataCopyCommands.copy, DataCopyCommands.move,
                        DataDeleteCommand.command, DataSyncCommand.command, DataIngressCommand.command,
                        LifecycleCommands.rehydrate,
                        .group(
                            "lifecycle", "stored files that grow old",
                            [LifecycleCommands.plan, LifecycleCommands.run]),
                        .group(
                            "layout", "folders of datasets", [LayoutCommands.list, LayoutCommands.apply]),
                        .group(
                            "files", "files of tasks and nodes",
                            [
                                FilesListCommand.command, FilesStreamCommand.command,
                                FilesTaskCommand.command, FilesNodeCommand.command,
                            ]),
                    ]),
                .group(
                    "metadata", "JSON documents that tasks and users share",
                    [
                        MetadataQueryCommands.list, MetadataCommands.put, MetadataCommands.get,
                        MetadataCommands.patch, MetadataQueryCommands.query, MetadataCommands.delete,
                        MetadataQueryCommands.history,
                    ]),
                .group("sql", "tables of databases", [SQLQueryCommand.command, SQLLoadCommand.command, SQLForgetCommand.command]),
                .group("keyvault", "the secrets of a home", KeyvaultCommands.all),
                ValidateCommand.command, PlanCommand.command, ExplainCommand.command,
                .group(
                    "service", "the background service of a home",
                    [
                        ServiceStartCommand.command, ServiceStopCommand.command,
                        ServiceStatusCommand.command, ServiceRunCommand.command, ServiceLogsCommand.command,
                        ServiceInstallCommand.command, ServiceUninstallCommand.command,
                    ]),
                CompletionCommand.command,
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
        CommandsPageCommand.command, NodeStageCommand.command, NodeUploadCommand.command,
    ]
}
