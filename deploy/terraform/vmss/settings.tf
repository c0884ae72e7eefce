locals {
  settings = merge(
    {
      secretsManagementSettings = {
        pollingIntervalInS = tostring(var.polling_interval_in_s)
        # What waits for the certificates depends on it.
        requireInitialSync   = true
        observedCertificates = var.observed_certificates
      }
      authenticationSettings = { msiClientId = var.msi_client_id }
    },
    var.extra_settings
  )
}
