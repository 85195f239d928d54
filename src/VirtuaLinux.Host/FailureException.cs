namespace VirtuaLinux.Host;

/// <summary>Something outside the program went wrong. The message is for the user: where, what, and what to do instead; the command ends with exit code 1.</summary>
public class FailureException(string message, Exception? inner = null) : Exception(message, inner);
