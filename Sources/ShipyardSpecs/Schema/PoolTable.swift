extension SchemaTable {
    package static let pool = MappingSchema(
        "a pool file",
        [KeySchema("pool_specification", .mapping(poolSpecification), required: true, "The pool.")])

    private static let poolSpecification = MappingSchema(
        "the pool",
        [
            KeySchema("id", .string, required: true, check: .id, "Names the pool."),
            KeySchema(
                "vm_configuration", .mapping(vmConfiguration), effect: .none, "The image of the machines."),
            KeySchema(
                "vm_size", .string, effect: .partly("kept for listings; nodes have this machine's size"),
                "The size of the machines."),
            KeySchema(
                "vm_count",
                .mapping(
                    MappingSchema(
                        "the node counts",
                        [
                            KeySchema(
                                "dedicated", .integer(0...Int.max), default: "0",
                                check: .integer(0...SpecLimits.nodesPerPool), "Nodes that stay."),
                            KeySchema(
                                "low_priority", .integer(0...Int.max), default: "0",
                                check: .integer(0...SpecLimits.nodesPerPool), "Nodes that may be taken away."),
                        ])), required: true, "How many nodes the pool has."),
            KeySchema(
                "max_tasks_per_node", .integer(1...Int.max), default: "1",
                check: .integer(1...SpecLimits.slotsPerNode), "Slots for tasks on each node."),
            KeySchema(
                "task_slots_per_node", .integer(1...Int.max), default: "1",
                check: .integer(1...SpecLimits.slotsPerNode), own: true,
                "Another name of `max_tasks_per_node`."),
            KeySchema(
                "resize_timeout", .string, check: .duration, effect: .none, "How long a resize may take."),
            KeySchema(
                "node_fill_type", .word(["spread", "pack"]), default: "spread",
                "Whether tasks go to the emptiest node or fill one node after the other."),
            KeySchema(
                "autoscale", .mapping(autoscale), effect: .notYet, "Lets the number of nodes follow the work."
            ),
            KeySchema(
                "inter_node_communication_enabled", .bool, default: "false",
                effect: .partly(
                    "nodes of one machine always reach each other; multi-instance tasks ask for it"),
                "Whether nodes may talk to each other."),
            KeySchema(
                "per_job_auto_scratch", .bool, default: "false", effect: .notYet,
                "Gives every job a shared directory."),
            KeySchema(
                "reboot_on_start_task_failed", .bool, default: "false",
                effect: .partly("the start task is run once more"), "Reboots nodes whose start task failed."),
            KeySchema(
                "attempt_recovery_on_unusable", .bool, default: "false", effect: .none,
                "Tries to mend unusable nodes."),
            KeySchema(
                "upload_diagnostics_logs_on_unusable", .bool, default: "true", effect: .none,
                "Stores the logs of unusable nodes."),
            KeySchema(
                "block_until_all_global_resources_loaded", .bool, default: "true", effect: .none,
                "Lets tasks wait for all images."),
            KeySchema(
                "transfer_files_on_pool_creation", .bool, default: "false", effect: .notYet,
                "Brings `global_resources: files` while the pool is created."),
            KeySchema(
                "input_data", .mapping(poolInputData),
                effect: .partly(
                    "fetched before the commands of `additional_node_prep`, those of `pre` included"),
                "Files for every node, before its first task."),
            KeySchema(
                "resource_files", .list(.mapping(resourceFile)),
                "Files for the working directory of the start task."),
            KeySchema("start_task", .mapping(startTask), own: true, "Runs on every node before any task."),
            KeySchema(
                "application_packages", .list(.mapping(applicationPackage)), own: true,
                "Programs that are unpacked onto every node."),
            KeySchema(
                "additional_node_prep", .mapping(nodePrep), "Commands around the preparation of a node."),
            KeySchema("ssh", .mapping(ssh), effect: .none, "An SSH user on the nodes."),
            KeySchema("rdp", .mapping(rdp), effect: .none, "An RDP user on the nodes."),
            KeySchema(
                "remote_access_control", .mapping(remoteAccess), effect: .none, "Who may reach the nodes."),
            KeySchema(
                "virtual_network", .mapping(virtualNetwork), effect: .none, "The network of the nodes."),
            KeySchema("public_ips", .list(.string), effect: .none, "Public addresses of the pool."),
            KeySchema(
                "certificates", .mapping(certificates), effect: .none,
                "Certificates on the nodes, by thumbprint."),
            KeySchema("gpu", .mapping(gpu), effect: .none, "GPU drivers."),
            KeySchema(
                "batch_insights_enabled", .bool, default: "false", effect: .none,
                "Whether Batch Insights watches the nodes."),
            KeySchema("prometheus", .mapping(prometheus), effect: .none, "Exporters on the nodes."),
            KeySchema(
                "container_runtimes", .mapping(containerRuntimes), effect: .none,
                "Container runtimes on the nodes."),
        ])

    // MARK: Our own

    private static let startTask = MappingSchema(
        "the start task",
        [
            KeySchema("command", .string, required: true, check: .notEmpty, own: true, "What is run."),
            KeySchema(
                "environment_variables", .mapping(environment), own: true, "Variables of the start task only."
            ),
            KeySchema(
                "resource_files", .list(.mapping(resourceFile)), own: true, "Files for its working directory."
            ),
            KeySchema(
                "max_task_retries", .integer, default: "0", check: .retries, own: true,
                "How often a failed start task is run again; -1 is without end."),
            KeySchema(
                "wait_for_success", .bool, default: "true", own: true,
                "Whether tasks wait until it has succeeded."),
        ])

    private static let applicationPackage = MappingSchema(
        "an application package",
        [
            KeySchema(
                "id", .string, required: true, check: .packageName, own: true, "Names the application."),
            KeySchema(
                "version", .string, required: true, check: .packageName, own: true, "Its version, in quotes."),
            KeySchema(
                "path", .string, required: true, check: .notEmpty, own: true,
                "A zip or tar file or a directory, relative to the spec file."),
        ])

    // MARK: Batch Shipyard's

    private static let nodePrep = MappingSchema(
        "the node preparation",
        [
            KeySchema(
                "commands",
                .mapping(
                    MappingSchema(
                        "the preparation commands",
                        [
                            KeySchema("pre", .list(.string), "Commands before the start task."),
                            KeySchema("post", .list(.string), "Commands after the start task."),
                        ])), "The commands."),
            KeySchema("environment_variables", .mapping(environment), "Variables of the preparation only."),
            KeySchema.secretID(
                "environment_variables_keyvault_secret_id",
                "A secret that holds more variables, as a mapping of names and values; they win over those beside it."),
        ])

    private static let vmConfiguration = MappingSchema(
        "the image of the machines",
        [
            KeySchema(
                "platform_image",
                .mapping(
                    MappingSchema(
                        "the platform image",
                        [
                            KeySchema(
                                "publisher", .string, required: true, effect: .none,
                                "Who publishes the image."),
                            KeySchema("offer", .string, required: true, effect: .none, "The product."),
                            KeySchema("sku", .text, required: true, effect: .none, "The edition."),
                            KeySchema("version", .string, default: "latest", effect: .none, "The version."),
                            KeySchema(
                                "native", .bool, default: "false", effect: .none,
                                "Whether Azure Batch runs the containers."),
                            KeySchema(
                                "license_type", .word(["windows_server"]), effect: .none, "The license."),
                        ])), effect: .none, "An image of the marketplace."),
            KeySchema(
                "custom_image",
                .mapping(
                    MappingSchema(
                        "the custom image",
                        [
                            KeySchema(
                                "arm_image_id", .string, required: true, effect: .none,
                                "The image's resource id."),
                            KeySchema(
                                "node_agent", .string, required: true, effect: .none,
                                "The agent that fits it."),
                            KeySchema(
                                "native", .bool, default: "false", effect: .none,
                                "Whether Azure Batch runs the containers."),
                            KeySchema(
                                "license_type", .word(["windows_server"]), effect: .none, "The license."),
                        ])), effect: .none, "An image of one's own."),
        ])

    private static func counts(_ name: String, _ meaning: String) -> MappingSchema {
        MappingSchema(
            name,
            [
                KeySchema("dedicated", .integer, "\(meaning) of dedicated nodes."),
                KeySchema("low_priority", .integer, "\(meaning) of low-priority nodes."),
            ])
    }

    private static func span(_ name: String, _ range: ClosedRange<Int>) -> MappingSchema {
        MappingSchema(
            name,
            [
                KeySchema("start", .integer(range), required: true, "The first."),
                KeySchema("end", .integer(range), required: true, "The last, included."),
            ])
    }

    private static let autoscale = MappingSchema(
        "the autoscale settings",
        [
            KeySchema(
                "evaluation_interval", .string, default: "00:15:00", check: .duration,
                "Time between two evaluations."),
            KeySchema("formula", .string, "A formula of Azure Batch's language; wins over a scenario."),
            KeySchema("scenario", .mapping(autoscaleScenario), "A formula made from settings."),
        ])

    private static let autoscaleScenario = MappingSchema(
        "the autoscale scenario",
        [
            KeySchema(
                "name",
                .word([
                    "active_tasks", "pending_tasks", "workday", "workday_with_offpeak_max_low_priority",
                    "weekday",
                    "weekend",
                ]), required: true, "What the number of nodes follows."),
            KeySchema(
                "maximum_vm_count", .mapping(counts("the largest node counts", "Largest number")),
                "Upper limits."),
            KeySchema(
                "maximum_vm_increment_per_evaluation",
                .mapping(counts("the largest increments", "Largest increment")),
                "How many nodes may come at a time."),
            KeySchema(
                "node_deallocation_option",
                .word(["requeue", "retaineddata", "taskcompletion", "terminate"]),
                default: "taskcompletion", "What becomes of the tasks of a node that goes."),
            KeySchema(
                "sample_lookback_interval", .string, default: "00:10:00", check: .duration,
                "How far back samples count."),
            KeySchema(
                "required_sample_percentage", .float(0...100), default: "70", check: .percentage,
                "The share of samples that must be there."),
            KeySchema("bias_last_sample", .bool, default: "true", "Whether the last sample weighs more."),
            KeySchema(
                "bias_node_type", .word(["dedicated", "low_priority"]), "Which kind of node is preferred."),
            KeySchema(
                "rebalance_preemption_percentage", .float(0...100), check: .percentage,
                "From which share of preempted nodes on dedicated ones take over."),
            KeySchema(
                "time_ranges",
                .mapping(
                    MappingSchema(
                        "the time ranges",
                        [
                            KeySchema(
                                "weekdays", .mapping(span("the weekdays", 0...6)), default: "1 to 5",
                                "Days of work, Sunday 0."),
                            KeySchema(
                                "work_hours", .mapping(span("the hours", 0...23)), default: "8 to 17",
                                "Hours of work, UTC."),
                        ])), "When work is expected."),
        ])

    private static let ssh = MappingSchema(
        "the SSH settings",
        [
            KeySchema("username", .string, required: true, effect: .none, "The user."),
            KeySchema(
                "expiry_days", .integer(0...Int.max), default: "30", effect: .none,
                "How long the user exists."),
            KeySchema("ssh_public_key", .string, effect: .none, "File of the public key."),
            KeySchema("ssh_public_key_data", .string, effect: .none, "The public key itself."),
            KeySchema("ssh_private_key", .string, effect: .none, "File of the private key."),
            KeySchema(
                "generate_docker_tunnel_script", .bool, effect: .none, "Whether a tunnel script is written."),
            KeySchema(
                "generated_file_export_path", .string, default: ".", effect: .none, "Where it is written."),
            KeySchema("hpn_server_swap", .bool, effect: .none, "Whether HPN-SSH replaces the server."),
            KeySchema("allow_docker_access", .bool, effect: .none, "Whether the user may use Docker."),
        ])

    private static let rdp = MappingSchema(
        "the RDP settings",
        [
            KeySchema("username", .string, required: true, effect: .none, "The user."),
            KeySchema.secret("password", effect: .none, "The user's password."),
            KeySchema(
                "expiry_days", .integer(0...Int.max), default: "30", effect: .none,
                "How long the user exists."),
        ])

    private static let remoteAccess = MappingSchema(
        "the access rules",
        [
            KeySchema(
                "starting_port", .integer, default: "49000", effect: .none, "First port that is forwarded."),
            KeySchema("allow", .list(.string), effect: .none, "Addresses that may connect."),
            KeySchema("deny", .list(.string), effect: .none, "Addresses that may not."),
        ])

    private static let virtualNetwork = MappingSchema(
        "the virtual network",
        [
            KeySchema("arm_subnet_id", .string, effect: .none, "An existing subnet."),
            KeySchema("name", .string, effect: .none, "The network's name."),
            KeySchema("resource_group", .string, effect: .none, "Its resource group."),
            KeySchema(
                "create_nonexistant", .bool, effect: .none, "Whether it is created where it is missing."),
            KeySchema("address_space", .string, effect: .none, "Its addresses."),
            KeySchema(
                "subnet",
                .mapping(
                    MappingSchema(
                        "the subnet",
                        [
                            KeySchema("name", .string, effect: .none, "The subnet's name."),
                            KeySchema("address_prefix", .string, effect: .none, "Its addresses."),
                        ])), effect: .none, "The subnet."),
        ])

    private static let certificates = MappingSchema(
        "the certificates", [],
        pattern: PatternSchema(
            .anyText,
            KeySchema(
                "THUMBPRINT",
                .mapping(
                    MappingSchema(
                        "a certificate",
                        [
                            KeySchema(
                                "visibility", .list(.word(["node_prep", "remote_user", "task"])),
                                required: true,
                                effect: .none, "Who sees the certificate.")
                        ])), required: true, effect: .none, "One certificate.")))

    private static let gpu = MappingSchema(
        "the GPU settings",
        [
            KeySchema(
                "nvidia_driver",
                .mapping(
                    MappingSchema(
                        "the driver",
                        [
                            KeySchema(
                                "source", .string, required: true, effect: .none, "Where it is downloaded.")
                        ])),
                effect: .none, "The NVIDIA driver."),
            KeySchema("ignore_warnings", .bool, effect: .none, "Whether warnings of the driver are ignored."),
        ])

    private static func exporter(_ name: String, port: String) -> MappingSchema {
        MappingSchema(
            name,
            [
                KeySchema("enabled", .bool, default: "false", effect: .none, "Whether it runs."),
                KeySchema("port", .integer, default: port, effect: .none, "Its port."),
                KeySchema("options", .list(.string), effect: .none, "Its options."),
            ])
    }

    private static let prometheus = MappingSchema(
        "the exporters",
        [
            KeySchema(
                "node_exporter", .mapping(exporter("the node exporter", port: "9100")), effect: .none,
                "Figures of the machine."),
            KeySchema(
                "cadvisor", .mapping(exporter("cAdvisor", port: "8080")), effect: .none,
                "Figures of the containers."),
        ])

    private static let containerRuntimes = MappingSchema(
        "the container runtimes",
        [
            KeySchema(
                "install", .list(.word(["kata_containers", "runc", "singularity"])), effect: .none,
                "Runtimes to install."),
            KeySchema(
                "default", .word(["kata_containers", "runc"]), default: "runc", effect: .none,
                "The usual one."),
        ])
}
