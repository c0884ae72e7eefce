locals {
  settings = merge(
    {
      secretsManagementSettings = {
        pollingIntervalInS   = tostring(var.polling_interval_in_s)
        requireInitialSync   = var.require_initial_sync
        observedCertificates = var.observed_certificates
      }
    },
    var.extra_settings
  )
}
