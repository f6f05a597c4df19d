//! Names of what is installed. Chart and script differ in some of them, as they did in 0.8.3; these are the script's.

/// Deployment, Service, ServiceAccount, ClusterRole, Role and their bindings.
pub const OPERATOR: &str = "stash-operator";
/// Secret with the certificates of the operator's server, made by the operator.
pub const CERTIFICATE_SECRET: &str = "stash-apiserver-cert";
/// ClusterRoleBinding by which the operator asks who may do what.
pub const AUTH_DELEGATOR: &str = "stash-apiserver-auth-delegator";
/// Role and RoleBinding in the namespace of Prometheus, by which the operator publishes its authority there.
pub const CA: &str = "stash-operator-ca";
/// The ServiceMonitor.
pub const SERVICE_MONITOR: &str = "stash-servicemonitor";
/// ClusterRole that comes with the roles `admin` and `edit`.
pub const USER_EDIT: &str = "appscode:stash:edit";
/// ClusterRole that comes with the role `view`.
pub const USER_VIEW: &str = "appscode:stash:view";
/// Both webhook configurations, made by the operator.
pub const WEBHOOKS: &str = "admission.stash.appscode.com";
/// The registration of the API of Snapshots, made by the operator.
pub const API_SERVICE: &str = "v1alpha1.repositories.stash.appscode.com";
/// Job that takes out of the cluster what the operator put into it.
pub const UNINSTALL_JOB: &str = "stash-uninstall";
/// Container and port name of the gateway.
pub const PUSHGATEWAY: &str = "pushgateway";
/// Port name of the operator's server.
pub const API_PORT: &str = "api";
/// Port of the operator's server in its pod.
pub const API_POD_PORT: u16 = 8443;
/// Port of the gateway, in its pod and of the Service.
pub const PUSHGATEWAY_PORT: u16 = 56789;
/// Label and value that tell the operator's pods from those of Jobs.
pub const COMPONENT: (&str, &str) = ("app.kubernetes.io/component", "operator");
/// Plural and kind of our own objects, in the order in which `--purge` deletes them: what uses others before what is
/// used.
pub const KINDS: [(&str, &str); 3] =
    [("recoveries", "Recovery"), ("restics", "Restic"), ("repositories", "Repository")];
/// Group of our own kinds.
pub const GROUP: &str = domain::objects::GROUP;
/// Version of our own kinds.
pub const API_VERSION: &str = domain::objects::VERSION;
