package setup

// Crasher is a pod that ends with an error whenever it is started, in a namespace that stands as NAMESPACE.
const Crasher = `
apiVersion: v1
kind: Namespace
metadata: { name: NAMESPACE }
---
apiVersion: v1
kind: Pod
metadata: { name: frontend, namespace: NAMESPACE }
spec:
  terminationGracePeriodSeconds: 0
  containers:
    - { name: app, image: E2E/kubectl, command: [/bin/sh, -c, "exit 1"] }
`

// Remover lets the Job remove it that the rule in site/jobs.yaml makes.
const Remover = `
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: { name: pod-remover, namespace: NAMESPACE }
rules: [{ apiGroups: [""], resources: [pods], verbs: [delete] }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: pod-remover, namespace: NAMESPACE }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: pod-remover }
subjects: [{ kind: ServiceAccount, name: pod-remover, namespace: quench }]
`
