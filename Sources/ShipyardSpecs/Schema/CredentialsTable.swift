import ShipyardModel

extension SchemaTable {
    package static let credentials = MappingSchema(
        "a credentials file",
        [
            KeySchema(
                "credentials", .mapping(credentialsKeys), required: true,
                "All credentials, by what they open.")
        ])

    private static let credentialsKeys = MappingSchema(
        "the credentials",
        [
            KeySchema(
                "aad", .mapping(generalAAD), effect: .none, "Azure Active Directory, for all services."),
            KeySchema("batch", .mapping(batch), effect: .none, "The Azure Batch account."),
            KeySchema("storage", .mapping(storage), "Storage accounts, each under an alias that jobs use."),
            KeySchema(
                "sql", .mapping(sqlCredentials), own: true, "Databases, each under an alias that jobs use."),
            KeySchema(
                "docker_registry", .mapping(registries), effect: .none,
                "Docker registries by server; `hub` is Docker Hub."),
            KeySchema(
                "singularity_registry", .mapping(registries), effect: .none,
                "Singularity registries by server."),
            KeySchema(
                "management",
                .mapping(
                    MappingSchema(
                        "the management credentials",
                        [
                            KeySchema("aad", .mapping(serviceAAD), effect: .none, "Azure Active Directory."),
                            KeySchema("subscription_id", .string, effect: .none, "The Azure subscription."),
                        ])), effect: .none, "Azure Resource Manager."),
            KeySchema(
                "keyvault",
                .mapping(
                    MappingSchema(
                        "the key vault",
                        [
                            KeySchema("aad", .mapping(serviceAAD), effect: .none, "Azure Active Directory."),
                            KeySchema("uri", .string, effect: .none, "The vault's address."),
                            KeySchema.secretID(
                                "credentials_secret_id",
                                "A secret that holds a credentials file: what stands there counts where this file says nothing."),
                        ])),
                effect: .partly("secrets are those of the home's own vault"), "The vault."),
            KeySchema(
                "monitoring", .mapping(monitoring), effect: .none, "The monitoring machine of Batch Shipyard."
            ),
            KeySchema(
                "slurm",
                .mapping(
                    MappingSchema(
                        "the Slurm credentials",
                        [
                            KeySchema.secret(
                                "db_password", .text, required: true, effect: .none,
                                "Password of Slurm's database.")
                        ])),
                effect: .none, "The Slurm clusters of Batch Shipyard."),
        ])

    private static func aadKeys() -> [KeySchema] {
        [
            KeySchema(
                "authority_url", .string, default: "https://login.microsoftonline.com", effect: .none,
                "Who gives out the tokens."),
            KeySchema("directory_id", .string, effect: .none, "The directory (tenant)."),
            KeySchema("application_id", .string, effect: .none, "The application (client)."),
            KeySchema.secret("auth_key", effect: .none, "The application's secret."),
            KeySchema(
                "rsa_private_key_pem", .string, effect: .none, "File of the private key of a certificate."),
            KeySchema("x509_cert_sha1_thumbprint", .string, effect: .none, "Thumbprint of that certificate."),
            KeySchema("user", .string, effect: .none, "A user name, instead of a secret."),
            KeySchema.secret("password", effect: .none, "The user's password."),
        ]
    }

    private static let generalAAD = MappingSchema("the directory credentials", aadKeys())

    private static let serviceAAD = MappingSchema(
        "the directory credentials",
        aadKeys() + [
            KeySchema("endpoint", .string, effect: .none, "The service that the token is for."),
            KeySchema(
                "token_cache",
                .mapping(
                    MappingSchema(
                        "the token cache",
                        [
                            KeySchema(
                                "enabled", .bool, effect: .none, "Whether tokens are kept between runs."),
                            KeySchema("filename", .string, effect: .none, "The file they are kept in."),
                        ])), effect: .none, "Where tokens are kept."),
        ])

    private static let batch = MappingSchema(
        "the Azure Batch account",
        [
            KeySchema("aad", .mapping(serviceAAD), effect: .none, "Azure Active Directory."),
            KeySchema.secret("account_key", effect: .none, "The account's shared key."),
            KeySchema(
                "account_key_keyvault_secret_id", .string, effect: .none, "A secret that holds that key."),
            KeySchema("account_service_url", .string, effect: .none, "The account's address."),
            KeySchema(
                "test_cluster", .bool, default: "false", effect: .none,
                "Whether it is a test cluster of Azure's own."),
            KeySchema("resource_group", .string, effect: .none, "The resource group of the account."),
            KeySchema(
                "application_insights",
                .mapping(
                    MappingSchema(
                        "the Application Insights",
                        [
                            KeySchema(
                                "application_id", .string, required: true, effect: .none, "The application."),
                            KeySchema.secret(
                                "instrumentation_key", required: true, effect: .none, "Its key."),
                        ])), effect: .none, "Application Insights for the nodes."),
        ])

    private static let storage = MappingSchema(
        "the storage accounts",
        [KeySchema("aad", .mapping(serviceAAD), effect: .none, "Azure Active Directory.")],
        pattern: PatternSchema(
            .storageAlias,
            KeySchema(
                "ALIAS",
                .mapping(
                    MappingSchema(
                        "a storage account",
                        [
                            KeySchema(
                                "type", .word(StorageAccount.Kind.allCases.map(\.rawValue)), own: true,
                                "Where the containers are: `embedded` is the home's own store, `s3` any service that speaks S3, "
                                    + "`azure_blob` Azure. Without it the keys tell: those of S3 mean S3, another key or "
                                    + "an endpoint Azure, and nothing the embedded store."),
                            KeySchema(
                                "account", .string, required: true, check: .notEmpty,
                                "The account's name: a directory of the embedded store, Azure's account, or a name of your own for S3."
                            ),
                            KeySchema.secret(
                                "account_key", effect: .used, "The shared key of an Azure account, in Base64."
                            ),
                            KeySchema.secret(
                                "sas_token", own: true, effect: .used,
                                "A shared access signature of Azure in place of the key: what follows the question mark."
                            ),
                            KeySchema(
                                "access_key_id", .string, own: true, "The name of the key for S3."),
                            KeySchema.secret(
                                "secret_access_key", own: true, effect: .used, "The key for S3."),
                            KeySchema.secret(
                                "session_token", own: true, effect: .used,
                                "What belongs to a key for S3 that holds for a time."),
                            KeySchema(
                                "region", .string, default: "us-east-1", check: .notEmpty, own: true,
                                "The region of S3, a part of its signatures."),
                            KeySchema(
                                "path_style", .bool, own: true,
                                "Whether a container of S3 stands in the path and not in the host. Default: unless the "
                                    + "endpoint is Amazon's."),
                            KeySchema.secretID(
                                "account_key_keyvault_secret_id", of: "account_key",
                                "A secret that holds that key."),
                            KeySchema.secretID(
                                "sas_token_keyvault_secret_id", of: "sas_token", own: true,
                                "A secret that holds that signature."),
                            KeySchema.secretID(
                                "secret_access_key_keyvault_secret_id", of: "secret_access_key", own: true,
                                "A secret that holds that key."),
                            KeySchema(
                                "endpoint", .string, default: "core.windows.net", check: .notEmpty,
                                "Azure: the part of the address behind account and service, or the account's whole URL. "
                                    + "S3: the service's URL; without it Amazon's of the region."),
                            KeySchema(
                                "resource_group", .string, effect: .none, "The resource group of the account."
                            ),
                        ])), "One storage account.")))

    private static let registries = MappingSchema(
        "the registries", [],
        pattern: PatternSchema(
            .alphanumericOrDot,
            KeySchema("SERVER", .mapping(login("a registry")), effect: .none, "One registry.")))

    private static func login(_ name: String) -> MappingSchema {
        MappingSchema(
            name,
            [
                KeySchema("username", .string, required: true, effect: .none, "The user."),
                KeySchema.secret("password", effect: .none, "The user's password."),
                KeySchema(
                    "password_keyvault_secret_id", .string, effect: .none,
                    "A secret that holds that password."),
            ])
    }

    private static let monitoring = MappingSchema(
        "the monitoring credentials",
        [
            KeySchema(
                "grafana",
                .mapping(
                    MappingSchema(
                        "the Grafana credentials",
                        [
                            KeySchema(
                                "admin", .mapping(login("the Grafana administrator")), required: true,
                                effect: .none,
                                "The administrator.")
                        ])), effect: .none, "Grafana.")
        ])
}
