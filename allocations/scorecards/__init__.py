"""How an agency is measured: values a period is judged by."""
