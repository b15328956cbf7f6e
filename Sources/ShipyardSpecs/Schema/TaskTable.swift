extension SchemaTable {
    static let task = MappingSchema("a task", taskKeys)

    /// A merge task knows fewer keys than a task, by Batch Shipyard's schema.
    static let mergeTask = MappingSchema(
        "the merge task", mergeTaskKeys,
        absences: [
            "depends_on": "leave it out: the merge task runs when all tasks of the job have succeeded",
            "depends_on_range": "leave it out: the merge task runs when all tasks of the job have succeeded",
            "task_factory": "the merge task is a single task; a factory belongs into `tasks`",
            "multi_instance": "the merge task runs on one node",
            "exit_conditions": "nothing follows the merge task that a failure could lead to",
        ])

    private static let notInImage = LocalEffect.differently(
        "the command runs as a process of this machine, not in the image")
    private static let namesOnly = LocalEffect.partly("the names are checked; nothing is mounted or bound")

    private static let taskKeys: [KeySchema] =
        commonKeys(environment: environment, outputData: taskOutputData) + [
            KeySchema("task_factory", .mapping(taskFactory), "Makes many tasks from this one."),
            KeySchema(
                "default_working_dir", .word(["batch", "container"]), default: "batch", merge: .taskWins,
                effect: .partly("tasks always start in their task's working directory"),
                "Where the container starts."),
            KeySchema("gpus", .text, merge: .taskWins, effect: .none, "The GPUs that the container sees."),
            KeySchema(
                "depends_on", .list(.string), references: .text,
                "Ids of tasks of this job that must succeed first."),
            KeySchema(
                "depends_on_range", .list(.integer), check: .integer(SpecLimits.dependencyNumbers),
                "First and last number of tasks, with numbers as ids, that must succeed first."),
            KeySchema(
                "exit_conditions", .mapping(exitConditions), merge: .perKey, "What a failure leads to."),
            KeySchema(
                "multi_instance", .mapping(multiInstance), effect: .notYet,
                "Runs the task on several nodes at once."),
        ]

    private static let mergeTaskKeys: [KeySchema] =
        commonKeys(environment: textEnvironment, outputData: mergeOutputData) + [
            KeySchema("gpu", .bool, effect: .none, "Read by nothing, in Batch Shipyard neither.")
        ]

    private static func commonKeys(environment: MappingSchema, outputData: MappingSchema) -> [KeySchema] {
        [
            KeySchema(
                "id", .string, default: "generated", check: .taskID, references: .text,
                "Names the task within its job."),
            KeySchema(
                "command", .string, references: .command,
                "What is run. Null is the default command of an image, of which there is none here."
            ).takingOutputs(),
            KeySchema("docker_image", .string, effect: notInImage, "The Docker image to run the command in."),
            KeySchema(
                "singularity_image", .string, effect: notInImage,
                "The Singularity image to run the command in."),
            KeySchema(
                "singularity_execution",
                .mapping(
                    MappingSchema(
                        "the Singularity execution",
                        [
                            KeySchema(
                                "cmd", .word(["exec", "run"]), default: "exec", effect: .none,
                                "How the image is started."),
                            KeySchema(
                                "elevated", .bool, default: "false", effect: .none,
                                "Whether as administrator."),
                        ])), effect: .none, "How Singularity is called."),
            KeySchema(
                "additional_singularity_options", .list(.string), effect: .none, "Options for Singularity."),
            KeySchema("name", .string, effect: .none, "The container's name."),
            KeySchema("labels", .list(.string), effect: .none, "The container's labels."),
            KeySchema("ports", .list(.string), effect: .none, "Ports that the container publishes."),
            KeySchema("entrypoint", .string, effect: .none, "The container's entry point."),
            KeySchema(
                "environment_variables", .mapping(environment), merge: .joinedTaskWins,
                "Variables of this task."),
            KeySchema.secretID(
                "environment_variables_keyvault_secret_id",
                "A secret that holds more variables, as a mapping of names and values; they win over those beside it."),
            KeySchema(
                "secret_files", .list(.mapping(secretFile)), own: true,
                "Secrets that the command gets as files, which are gone when it has ended."),
            KeySchema(
                "data_volumes", .list(.string), merge: .union, effect: namesOnly,
                "Names of data volumes of the config."),
            KeySchema(
                "shared_data_volumes", .list(.string), merge: .union, effect: namesOnly,
                "Names of shared data volumes of the config."),
            KeySchema(
                "resource_files", .list(.mapping(resourceFile)),
                "Files that are fetched into the working directory first."),
            KeySchema(
                "input_data", .mapping(taskInputData),
                "Files that are fetched before the command."),
            KeySchema(
                "output_data", .mapping(outputData),
                "Files that are stored after the command, also when it has failed."),
            KeySchema(
                "remove_container_after_exit", .bool, default: "true", merge: .taskWins, effect: .none,
                "Whether the container is removed."),
            KeySchema(
                "shm_size", .string, merge: .taskWins, effect: .none, "Shared memory of the container."),
            KeySchema("additional_docker_run_options", .list(.string), effect: .none, "Options for Docker."),
            KeySchema("infiniband", .bool, effect: .none, "Whether the container sees InfiniBand."),
            KeySchema(
                "max_task_retries", .integer, default: "0", merge: .taskWins, check: .retries,
                "How often the task is run again when it exits with another code than 0; -1 is without end."),
            KeySchema("max_wall_time", .string, check: .duration, "One run that lasts longer is killed."),
            KeySchema(
                "retention_time", .string, default: "7.00:00:00", merge: .taskWins, check: .duration,
                "How long the task's directory is kept."),
            KeySchema(
                "required_slots", .integer, default: "1", check: .integer(1...SpecLimits.slotsPerNode),
                own: true,
                "How many slots of a node the task takes."),
            KeySchema(
                "extended_properties", .mapping(extendedProperties), own: true,
                "Values for the task, which it finds in `activity.json` as an activity of Data Factory does; it may leave `outputs.json`."
            ),
            KeySchema(
                "reference_objects", .mapping(referenceObjects), own: true,
                "Linked services and datasets for the task, as activities of Data Factory have them."),
        ]
    }

    static let extendedProperties = MappingSchema(
        "the extended properties", [],
        pattern: PatternSchema(
            .anyText, KeySchema("NAME", .json, references: .number, "Any value.").takingOutputs()))

    private static let referenceObjects = MappingSchema(
        "the reference objects",
        [
            KeySchema(
                "linked_services", .list(.mapping(referenceObject("a linked service"))), own: true,
                "What the task finds in `linkedServices.json`."),
            KeySchema(
                "datasets", .list(.mapping(referenceObject("a dataset"))), own: true,
                "What the task finds in `datasets.json`."),
        ])

    private static func referenceObject(_ name: String) -> MappingSchema {
        MappingSchema(
            name,
            [
                KeySchema(
                    "name", .string, required: true, check: .notEmpty, own: true, references: .text,
                    "Its name."),
                KeySchema(
                    "properties", .mapping(extendedProperties), required: true, own: true,
                    "`type`, `typeProperties` and whatever else it has."),
            ])
    }

    private static let multiInstance = MappingSchema(
        "the multi-instance settings",
        [
            KeySchema(
                "num_instances", .text, references: .number,
                "How many nodes: a number, or a word such as `pool_current_dedicated`."),
            KeySchema(
                "coordination_command", .string, references: .command,
                "Runs on every instance before the command."),
            KeySchema(
                "pre_execution_command", .string, references: .command,
                "Runs in the command's shell before it."),
            KeySchema(
                "resource_files", .list(.mapping(resourceFile)),
                "Files for the task directory of every instance."),
            KeySchema(
                "mpi",
                .mapping(
                    MappingSchema(
                        "the MPI settings",
                        [
                            KeySchema(
                                "runtime",
                                .word(["intelmpi", "intelmpi-ofa", "mpich", "mvapich", "openmpi"]),
                                required: true, "Which MPI it is."),
                            KeySchema(
                                "executable_path", .string, default: "mpirun", "The program that starts it."),
                            KeySchema("options", .list(.string), "Options in front of the generated ones."),
                            KeySchema(
                                "processes_per_node", .text, "A number, or a command that prints it."),
                        ])), "Starts the command through MPI."),
        ])
}
